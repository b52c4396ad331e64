# compile_whole.cmake — objects that hold no machine code yet (-flto) become one that does, as if they were linked into a shared library:
# only then does the compiler know that nobody else calls what is hidden. gcc leaves the machine code of such a link with -save-temps.
#   cmake -DCOMPILE=compiler;options -DMERGE=command -DWHOLE=folder -DOUT=file -P compile_whole.cmake
# WHOLE has a file `objects` that lists them; it also takes what is made on the way.
set(made ${WHOLE}/lib.so)
file(GLOB left ${made}.*)
file(REMOVE ${made} ${left})
execute_process(COMMAND ${COMPILE} -shared -nostdlib -save-temps -o lib.so @objects WORKING_DIRECTORY ${WHOLE} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB parts ${made}.ltrans*.ltrans.o)
if(NOT parts)
    message(FATAL_ERROR "The compiler left no machine code in ${WHOLE}: -DSOMBRA_LTO=OFF does without.")
endif()
list(SORT parts COMPARE NATURAL)
execute_process(COMMAND ${MERGE} -o ${OUT} ${parts} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB left ${made}.*)
file(REMOVE ${made} ${left})
