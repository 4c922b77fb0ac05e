# SPDX-License-Identifier: MIT
#
# The libraries of the system that Bansuri stands on. Each has its reason in docs/architecture.md.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(date REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(CURL 7.87 REQUIRED)

# Asio is compiled once, here, instead of in every file that awaits something.
file(WRITE "${CMAKE_BINARY_DIR}/asio.cpp" "#include <boost/asio/impl/src.hpp>\n")
add_library(bansuri_asio STATIC "${CMAKE_BINARY_DIR}/asio.cpp")
add_library(bansuri::asio ALIAS bansuri_asio)
target_compile_definitions(bansuri_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(bansuri_asio PUBLIC bansuri::language Boost::headers Threads::Threads)
