# The static library is one object whose only global symbols are those of sombra.h: another library's sb_tree_open in the same program is no clash.
# Where the build optimizes across files, this is where that is done for libsombra.a; the result is machine code, for any compiler and linker.
#   sombra_merge_objects(file)   the objects of all layers as one; what is not visible outside of the library becomes local
function(sombra_merge_objects merged)
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
    add_custom_command(OUTPUT ${merged}
        COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -o ${merged} ${present_objects}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${merged}
        DEPENDS ${present_objects} COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Merging the objects of the library")
    set_source_files_properties(${merged} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endfunction()
