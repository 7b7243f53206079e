drn_test(stream SOURCES test_stream.c DEPS models)
add_executable(bench_stream bench_stream.c)
target_link_libraries(bench_stream PRIVATE drn_models)
