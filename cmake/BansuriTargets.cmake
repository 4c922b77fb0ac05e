# SPDX-License-Identifier: MIT
#
# How every target of the project is built: one language level, one set of warnings, and the
# sanitizers of the chosen preset on all but those with the property BANSURI_NOT_INSTRUMENTED.

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(bansuri_warnings INTERFACE)
add_library(bansuri::warnings ALIAS bansuri_warnings)
target_compile_options(bansuri_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
    -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
    # Designated initializers leave out what has a default.
    -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports of coroutine frames: members that are always set, and Asio's own operator
    # delete as one that does not match.
    target_compile_options(bansuri_warnings INTERFACE
        -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()

add_library(bansuri_language INTERFACE)
add_library(bansuri::language ALIAS bansuri_language)
target_compile_features(bansuri_language INTERFACE cxx_std_20)
target_include_directories(bansuri_language INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/src")
if(BANSURI_SANITIZE)
    set(instruments "-fsanitize=${BANSURI_SANITIZE}" -fno-omit-frame-pointer
        -fno-sanitize-recover=undefined
        # Its look at the memory of an object opens a pipe: wrong where descriptors are short.
        -fno-sanitize=vptr)
    target_compile_options(bansuri_language INTERFACE
        "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:BANSURI_NOT_INSTRUMENTED>>>:${instruments}>")
    target_link_options(bansuri_language INTERFACE "-fsanitize=${BANSURI_SANITIZE}")
endif()
if(BANSURI_CRASH_POINTS)
    target_compile_definitions(bansuri_language INTERFACE BANSURI_CRASH_POINTS)
endif()
if(BANSURI_COVERAGE)
    target_compile_options(bansuri_language INTERFACE --coverage)
    target_link_options(bansuri_language INTERFACE --coverage)
endif()

# bansuri_library(engine SOURCES a.cpp ... LINK bansuri::core ...)
# One folder of src/ is one library, and links only what its row of docs/architecture.md allows.
function(bansuri_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
    add_library(bansuri_${name} STATIC ${ARG_SOURCES})
    add_library(bansuri::${name} ALIAS bansuri_${name})
    target_link_libraries(bansuri_${name}
        PUBLIC bansuri::language ${ARG_LINK}
        PRIVATE bansuri::warnings ${ARG_PRIVATE_LINK})
endfunction()
