# Tests: every test_*.c under tests/ is one executable and one CTest test, found by its place.
#   tests/unit/<m>/test_<file>.c            → test_unit_<m>_<file>, linked with layers up to <m> (with all, where the library is optimized across files)
#   tests/unit/<m>/<sub>/test_<file>.c      → test_unit_<m>_<sub>_<file>, the same, for a sub-module
#   tests/<dir>/test_<file>.c               → test_<dir>_<file>, linked with all layers
#   tests/<dir>/<program>.c (not test_*)    → <program>, built but not registered: long campaigns
#   tests/cli/test_*.sh, *.py               → run with SOMBRA=<the command>
#   tests/cypher/*.py                       → run with sombra-tck
#   tests/tools/test_*.py                   → of the scripts in tools/
#   tests/tools/test_amalgamation.sh        → the library as one file (with assertions and sanitizers off: it takes a while)
#   tests/install/test_install.sh           → installs into a temporary directory and builds on it
#   python/tests/*.py                       → one test, python, of the package that the build directory has
# Each test runs in a directory of its own, build/<preset>/tests/scratch/<name>.
set(test_dirs model fault crash format api cypher tck cli)
set(test_bin ${CMAKE_BINARY_DIR}/tests)
set(test_timeout 300)
if(SOMBRA_SANITIZE OR SOMBRA_COVERAGE OR SOMBRA_PARANOID)
    set(test_timeout 1500)
endif()

sombra_find(CMOCKA cmocka.h cmocka)
if(NOT CMOCKA_OK)
    message(STATUS "Without cmocka (Debian: libcmocka-dev): C tests are left out")
endif()

# Helpers shared by tests. An archive, so that a test of a low layer pulls in only what it can link.
file(GLOB support_sources CONFIGURE_DEPENDS tests/support/*.c)
if(support_sources AND CMOCKA_OK)
    add_library(test_support STATIC EXCLUDE_FROM_ALL ${support_sources})
    target_include_directories(test_support PRIVATE include tests)
    target_include_directories(test_support SYSTEM PRIVATE ${CMOCKA_HEADER_DIR})
    target_compile_definitions(test_support PRIVATE _GNU_SOURCE=1)
    target_link_libraries(test_support PRIVATE sombra_flags sombra_deps)
endif()

function(sombra_test_properties name labels)
    file(MAKE_DIRECTORY ${test_bin}/scratch/${name})
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${test_timeout}
        WORKING_DIRECTORY ${test_bin}/scratch/${name})
    # A vacuous pass is a fault: cmocka prints this when a group holds no test.
    set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "Running 0 test")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
        "SOMBRA_SOURCE_DIR=${CMAKE_SOURCE_DIR};SOMBRA_BUILD_DIR=${CMAKE_BINARY_DIR}")
    # Sizes that no machine has are asked for on purpose: the sanitizers shall answer as malloc does.
    if(SOMBRA_SANITIZE)
        set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
            "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1"
            "UBSAN_OPTIONS=print_stacktrace=1"
            "TSAN_OPTIONS=allocator_may_return_null=1:halt_on_error=1:second_deadlock_stack=1"
            "MSAN_OPTIONS=allocator_may_return_null=1" "SOMBRA_SANITIZED=1") # where that many processes take minutes
    endif()
endfunction()

# Tests hand string literals to void pointers, and a fuzz target has no header. An interface of its
# own, because only what is linked later comes later on the compiler's line.
add_library(sombra_test_flags INTERFACE)
target_compile_options(sombra_test_flags INTERFACE -Wno-cast-qual -Wno-missing-prototypes)
# What they test is optimized. To do so with them takes three times as long; what their flow gives to warn of, clang tells (tools/check).
if(NOT SOMBRA_FUZZ)
    target_compile_options(sombra_test_flags INTERFACE -O0)
endif()

# Executable from one source and the objects of the given layers; where the library is optimized across files, it is all of them or none.
function(sombra_test_program name source layers)
    add_executable(${name} ${source})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${test_bin})
    target_include_directories(${name} PRIVATE include tests)
    target_include_directories(${name} SYSTEM PRIVATE ${CMOCKA_HEADER_DIR})
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE=1
        SOMBRA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    if(lto_options)
        sombra_link_layers(${name})
        set(layers "")
    endif()
    foreach(layer IN LISTS layers)
        target_link_libraries(${name} PRIVATE sombra_${layer})
    endforeach()
    if(TARGET test_support)
        target_link_libraries(${name} PRIVATE test_support)
    endif()
    target_link_libraries(${name} PRIVATE sombra_flags sombra_test_flags sombra_deps cmocka)
endfunction()

if(CMOCKA_OK)
    set(layers_so_far "")
    foreach(layer IN LISTS present_layers)
        list(APPEND layers_so_far ${layer})
        file(GLOB sources CONFIGURE_DEPENDS tests/unit/${layer}/test_*.c
            tests/unit/${layer}/*/test_*.c)
        foreach(source IN LISTS sources)
            # tests/unit/cypher/lex/test_token.c → test_unit_cypher_lex_token
            cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/tests
                OUTPUT_VARIABLE stem)
            string(REGEX REPLACE "/test_|/" "_" stem ${stem})
            string(REGEX REPLACE "\\.c$" "" stem ${stem})
            set(name test_${stem})
            sombra_test_program(${name} ${source} "${layers_so_far}")
            add_test(NAME ${name} COMMAND ${name})
            sombra_test_properties(${name} "unit;${layer}")
        endforeach()
    endforeach()

    foreach(dir IN LISTS test_dirs)
        file(GLOB sources CONFIGURE_DEPENDS tests/${dir}/*.c)
        foreach(source IN LISTS sources)
            cmake_path(GET source STEM stem)
            if(stem MATCHES "^test_")
                string(REGEX REPLACE "^test_" "" stem ${stem})
                set(name test_${dir}_${stem})
                sombra_test_program(${name} ${source} "${present_layers}")
                add_test(NAME ${name} COMMAND ${name})
                sombra_test_properties(${name} "${dir}")
            else()
                sombra_test_program(${stem} ${source} "${present_layers}")
            endif()
            if(TARGET sombra AND TARGET ${name})
                target_compile_definitions(${name} PRIVATE SOMBRA_COMMAND="$<TARGET_FILE:sombra>")
            endif()
        endforeach()
    endforeach()
endif()

if(TARGET crash_sweep AND TARGET crash_beside AND TARGET api_sweep)
    add_test(NAME test_crash_arguments
        COMMAND sh ${CMAKE_SOURCE_DIR}/tests/crash/test_arguments.sh $<TARGET_FILE:crash_sweep> $<TARGET_FILE:kill_loop>
            $<TARGET_FILE:damage_files> $<TARGET_FILE:api_sweep> $<TARGET_FILE:crash_beside>)
    sombra_test_properties(test_crash_arguments "crash")
endif()

find_program(SOMBRA_PYTHON python3)
mark_as_advanced(SOMBRA_PYTHON)
if(TARGET sombra)
    file(GLOB scripts CONFIGURE_DEPENDS tests/cli/test_*.sh tests/cli/test_*.py)
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM stem)
        cmake_path(GET script EXTENSION extension)
        string(REGEX REPLACE "^test_" "" stem ${stem})
        set(name test_cli_${stem})
        if(TARGET ${name})
            set(name ${name}_script)
        endif()
        if(extension STREQUAL ".sh")
            add_test(NAME ${name} COMMAND sh ${script})
        elseif(SOMBRA_PYTHON)
            add_test(NAME ${name} COMMAND ${SOMBRA_PYTHON} ${script})
        else()
            continue()
        endif()
        sombra_test_properties(${name} "cli")
        # What the user of this machine has configured must not count.
        set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT "SOMBRA=$<TARGET_FILE:sombra>"
            "XDG_CONFIG_HOME=${test_bin}/scratch/${name}/none")
    endforeach()
endif()

# Queries as the conformance suite's engine answers them: a sample of `make metamorphic`, and what it once found.
if(TARGET sombra-tck AND SOMBRA_PYTHON)
    add_test(NAME test_cypher_found
        COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tests/cypher/test_found.py
            $<TARGET_FILE:sombra-tck>)
    add_test(NAME test_cypher_metamorphic
        COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tests/cypher/metamorphic.py
            --queries 2000 --seed 3000 $<TARGET_FILE:sombra-tck>)
    sombra_test_properties(test_cypher_found "cypher")
    sombra_test_properties(test_cypher_metamorphic "cypher")
endif()

# A sanitizer's runtime would have to be linked into the strangers' programs, too.
if(TARGET sombra AND NOT SOMBRA_SANITIZE AND NOT SOMBRA_COVERAGE AND NOT SOMBRA_FUZZ)
    add_test(NAME install COMMAND sh ${CMAKE_SOURCE_DIR}/tests/install/test_install.sh)
    sombra_test_properties(install "install")
    set_property(TEST install APPEND PROPERTY ENVIRONMENT "CC=${CMAKE_C_COMPILER}")
endif()

if(has_library AND SOMBRA_PYTHON AND CMAKE_BUILD_TYPE STREQUAL "Release")
    add_test(NAME test_tools_amalgamation
        COMMAND sh ${CMAKE_SOURCE_DIR}/tests/tools/test_amalgamation.sh)
    sombra_test_properties(test_tools_amalgamation "tools")
    list(TRANSFORM sombra_private_libs PREPEND "-l" OUTPUT_VARIABLE one_libs)
    list(JOIN one_libs " " one_libs)
    set(one_defines "")
    foreach(name ZLIB ZSTD)
        if(SOMBRA_${name} AND ${name}_OK)
            string(APPEND one_defines " -DHAVE_${name}=1")
        endif()
    endforeach()
    set_property(TEST test_tools_amalgamation APPEND PROPERTY ENVIRONMENT
        "CC=${CMAKE_C_COMPILER}" "LIBS=${one_libs} -lm -pthread" "DEFINES=${one_defines}")
endif()

# Examples are compiled against the public header alone and run.
file(GLOB examples CONFIGURE_DEPENDS examples/*.c)
if(has_library)
    foreach(source IN LISTS examples)
        cmake_path(GET source STEM stem)
        add_executable(example_${stem} ${source})
        set_target_properties(example_${stem} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples)
        target_link_libraries(example_${stem} PRIVATE sombra_shared)
        target_compile_options(example_${stem} PRIVATE -Wall -Wextra)
        add_test(NAME example_${stem} COMMAND example_${stem})
        sombra_test_properties(example_${stem} "example")
    endforeach()
endif()

# Fuzz targets: LLVMFuzzerTestOneInput in fuzz/fuzz_<x>.c, corpus in fuzz/corpus/<x>/.
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/fuzz_*.c)
foreach(source IN LISTS fuzz_sources)
    cmake_path(GET source STEM name)
    string(REGEX REPLACE "^fuzz_" "" stem ${name})
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE include tests)
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE=1)
    sombra_link_layers(${name})
    target_link_libraries(${name} PRIVATE sombra_flags sombra_test_flags sombra_deps)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    if(name MATCHES "^fuzz_format_") # the command's formats stand on the library alone
        target_sources(${name} PRIVATE $<TARGET_OBJECTS:sombra_formats>)
        target_link_libraries(${name} PRIVATE ${sombra_format_libs})
    endif()
    if(SOMBRA_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${name} PRIVATE fuzz/driver.c)
        add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${stem})
        sombra_test_properties(${name} "fuzz")
    endif()
endforeach()

# Scripts and checks that need no build product, so once, where assertions are.
if(SOMBRA_PYTHON AND CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT SOMBRA_SANITIZE MATCHES "thread|memory")
    file(GLOB scripts CONFIGURE_DEPENDS tests/tools/test_*.py)
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM stem)
        string(REGEX REPLACE "^test_" "test_tools_" name ${stem})
        add_test(NAME ${name} COMMAND ${SOMBRA_PYTHON} ${script})
        sombra_test_properties(${name} "tools")
    endforeach()
    if(EXISTS ${CMAKE_SOURCE_DIR}/tools/layers.py)
        add_test(NAME layers COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tools/layers.py
            ${CMAKE_SOURCE_DIR})
        sombra_test_properties(layers "check")
    endif()
    add_test(NAME doc_tests COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tools/doc_tests.py
        ${CMAKE_SOURCE_DIR})
    sombra_test_properties(doc_tests "check")
    if(EXISTS ${CMAKE_SOURCE_DIR}/tools/headers.py)
        add_test(NAME headers COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tools/headers.py
            --cc ${CMAKE_C_COMPILER} ${CMAKE_SOURCE_DIR})
        sombra_test_properties(headers "check")
    endif()
endif()
if(SOMBRA_PYTHON AND has_library AND NOT SOMBRA_SANITIZE AND NOT SOMBRA_COVERAGE AND NOT SOMBRA_FUZZ
   AND EXISTS ${CMAKE_SOURCE_DIR}/tools/symbols.py)
    add_test(NAME symbols COMMAND ${SOMBRA_PYTHON} ${CMAKE_SOURCE_DIR}/tools/symbols.py
        ${CMAKE_BINARY_DIR})
    sombra_test_properties(symbols "check")
endif()

# The Python package, as built beside the library; `make python-test` runs the same tests on the wheel.
if(TARGET sombra_python AND NOT SOMBRA_COVERAGE AND NOT SOMBRA_SANITIZE MATCHES "thread|memory")
    execute_process(COMMAND ${Python_EXECUTABLE} -c "import pytest" RESULT_VARIABLE no_pytest
        OUTPUT_QUIET ERROR_QUIET)
    if(no_pytest)
        message(STATUS "Without pytest for ${Python_EXECUTABLE}: the tests of the package sombra are left out")
    else()
        add_test(NAME python COMMAND ${Python_EXECUTABLE} -m pytest -q -rs -p no:cacheprovider
            ${CMAKE_SOURCE_DIR}/python/tests)
        sombra_test_properties(python "python")
        set_property(TEST python APPEND PROPERTY ENVIRONMENT
            "PYTHONPATH=${CMAKE_BINARY_DIR}/python" "PYTHONDONTWRITEBYTECODE=1")
        if(SOMBRA_SANITIZE STREQUAL "address")
            # The runtime must be there before the interpreter, which itself leaks at its end; and what it
            # watches of C++'s exceptions, which other packages throw, before the runtime.
            set(preloaded "")
            foreach(runtime libasan.so libstdc++.so.6)
                execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=${runtime}
                    OUTPUT_VARIABLE runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
                string(APPEND preloaded "${runtime} ")
            endforeach()
            set_property(TEST python APPEND PROPERTY ENVIRONMENT "LD_PRELOAD=${preloaded}"
                "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0")
        endif()
    endif()
endif()

# The long ones first, so that at the end no core waits for one. Later runs go by the times of those before.
set(long_tests test_cli_formats test_tools_amalgamation test_fault_api test_cli_bench test_api_query_spill test_cli_shell python test_cli_commands
    test_api_query_memory test_cli_whole test_crash_pager test_unit_graph_read_traverse test_cli_terminal test_unit_graph_recover test_model_graph_model layers)
list(LENGTH long_tests cost)
foreach(name IN LISTS long_tests)
    if(TEST ${name})
        set_tests_properties(${name} PROPERTIES COST ${cost})
    endif()
    math(EXPR cost "${cost} - 1")
endforeach()
