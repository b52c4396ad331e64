# The objects of all layers as one. Where the build optimizes across files, this is where that is done for it; the result is machine code, for any
# compiler and linker. In the static library's form of it, the only global symbols are those of sombra.h: another library's sb_tree_open in the same
# program is no clash.
#   sombra_merge_objects(merged static)   makes the two files: with all symbols, and with those of sombra.h alone
#   sombra_needs_objects(target)          of a target that links ${code_objects}: they are made before it
function(sombra_merge_objects merged static)
    if(NOT CMAKE_OBJCOPY)
        message(FATAL_ERROR "objcopy is missing (Debian: binutils): libsombra.a is made with it.")
    endif()
    separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
    if(CMAKE_C_COMPILER_TARGET) # clang, for another machine
        list(APPEND flags --target=${CMAKE_C_COMPILER_TARGET})
    endif()
    if(lto_options)
        list(APPEND flags -O3 ${lto_options} -flinker-output=nolto-rel)
    else()
        list(APPEND flags -fno-lto)
    endif()
    add_custom_command(OUTPUT ${merged} ${static}
        COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -o ${merged} ${present_objects}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${merged} ${static}
        DEPENDS ${present_objects} COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Merging the objects of the library")
    set_source_files_properties(${merged} ${static} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    add_custom_target(sombra_merged DEPENDS ${merged} ${static})
    # Make knows targets by name alone: files of other targets have no rule until those are built.
    list(TRANSFORM present_layers PREPEND sombra_ OUTPUT_VARIABLE layer_targets)
    add_dependencies(sombra_merged ${layer_targets})
endfunction()

function(sombra_needs_objects target)
    if(lto_options)
        add_dependencies(${target} sombra_merged)
    endif()
endfunction()
