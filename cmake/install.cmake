# make install: header, both libraries, the command, its manual page, a CMake package and a
# pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS sombra_static sombra_shared EXPORT sombra_targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/sombra.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET sombra)
    install(TARGETS sombra RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
file(GLOB man_pages CONFIGURE_DEPENDS man/*.1)
if(man_pages)
    install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sombra)
install(EXPORT sombra_targets NAMESPACE sombra:: FILE sombra-targets.cmake
    DESTINATION ${package_dir})
configure_package_config_file(cmake/sombra-config.cmake.in
    ${CMAKE_BINARY_DIR}/sombra-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/sombra-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/sombra-config.cmake
    ${CMAKE_BINARY_DIR}/sombra-config-version.cmake DESTINATION ${package_dir})

list(TRANSFORM sombra_private_libs PREPEND "-l" OUTPUT_VARIABLE pc_libs)
list(JOIN pc_libs " " pc_libs)
configure_file(cmake/sombra.pc.in ${CMAKE_BINARY_DIR}/sombra.pc.tmp @ONLY)
# The prefix is known only when installing (cmake --install --prefix).
install(CODE "
    file(READ \"${CMAKE_BINARY_DIR}/sombra.pc.tmp\" text)
    string(REPLACE \"%PREFIX%\" \"\${CMAKE_INSTALL_PREFIX}\" text \"\${text}\")
    file(WRITE \"${CMAKE_BINARY_DIR}/sombra.pc\" \"\${text}\")")
install(FILES ${CMAKE_BINARY_DIR}/sombra.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
