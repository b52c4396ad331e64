# The machine code of the library as single objects.
#   sombra_code.o        what libsombra.so and, with the functions of sombra.h as its only global symbols (another library's sb_tree_open in the
#                        same program is no clash), libsombra.a are made of
# Where the build optimizes across files, no object of a layer holds machine code. sombra_code.o is compiled as a whole then, for what a shared
# library needs from outside: all else is inlined, specialized or dropped. Tests need the functions of every layer, so for them it is done a
# second time:
#   sombra_open.o        with all functions; what tests, fuzz drivers and the tools in tools/ link
#   sombra_internals.o   the same, with the functions of sombra.h hidden: for sombra-bench, which has those from libsombra.a
set(code ${CMAKE_CURRENT_BINARY_DIR}/sombra_code.o)
set(static_code ${CMAKE_CURRENT_BINARY_DIR}/sombra_static.o)
set(open_code ${CMAKE_CURRENT_BINARY_DIR}/sombra_open.o)
set(internal_code ${CMAKE_CURRENT_BINARY_DIR}/sombra_internals.o)
if(NOT CMAKE_OBJCOPY)
    message(FATAL_ERROR "objcopy is missing (Debian: binutils): libsombra.a is made with it.")
endif()
separate_arguments(merge_flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
if(CMAKE_C_COMPILER_TARGET) # clang, for another machine
    list(APPEND merge_flags --target=${CMAKE_C_COMPILER_TARGET})
endif()
set(merge ${CMAKE_C_COMPILER} ${merge_flags} -r -nostdlib -fno-lto)
if(lto_options)
    set(whole ${CMAKE_CURRENT_BINARY_DIR}/whole)
    file(GENERATE OUTPUT ${whole}/objects CONTENT "$<JOIN:${present_objects},\n>\n")
    add_custom_command(OUTPUT ${code}
        COMMAND ${CMAKE_COMMAND} "-DCOMPILE=${CMAKE_C_COMPILER};${merge_flags};-O3;-fPIC;${lto_options}" "-DMERGE=${merge}" -DWHOLE=${whole}
            -DOUT=${code} -P ${CMAKE_SOURCE_DIR}/cmake/compile_whole.cmake
        DEPENDS ${present_objects} VERBATIM COMMENT "Compiling the library as a whole")
    add_custom_command(OUTPUT ${open_code} ${internal_code}
        COMMAND ${CMAKE_C_COMPILER} ${merge_flags} -O3 ${lto_options} -flinker-output=nolto-rel -r -nostdlib -o ${open_code} ${present_objects}
        COMMAND ${CMAKE_OBJCOPY} --wildcard --localize-symbol=sombra_* ${open_code} ${internal_code}
        DEPENDS ${present_objects} COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Compiling the library for its tests")
    set_source_files_properties(${open_code} ${internal_code} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    add_custom_target(sombra_open DEPENDS ${open_code} ${internal_code})
else()
    add_custom_command(OUTPUT ${code}
        COMMAND ${merge} -o ${code} ${present_objects}
        DEPENDS ${present_objects} COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Merging the objects of the library")
endif()
add_custom_command(OUTPUT ${static_code}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${code} ${static_code}
    DEPENDS ${code} VERBATIM COMMENT "Hiding what is not for programs")
set_source_files_properties(${code} ${static_code} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_custom_target(sombra_code DEPENDS ${code} ${static_code})
# Make knows targets by name alone: files of other targets have no rule until those are built.
list(TRANSFORM present_layers PREPEND sombra_ OUTPUT_VARIABLE layer_targets)
add_dependencies(sombra_code ${layer_targets})
if(lto_options)
    add_dependencies(sombra_open ${layer_targets})
endif()

# sombra_link_layers(target)   links the functions of all layers, those below sombra.h too
function(sombra_link_layers target)
    if(lto_options)
        target_sources(${target} PRIVATE ${open_code})
        add_dependencies(${target} sombra_open)
    else()
        target_sources(${target} PRIVATE ${present_objects})
    endif()
endfunction()
