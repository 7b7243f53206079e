drn_test(stream SOURCES test_stream.c DEPS models)
drn_test(prelu SOURCES test_prelu.c DEPS graph)
add_executable(bench_stream bench_stream.c)
target_link_libraries(bench_stream PRIVATE drn_models)
