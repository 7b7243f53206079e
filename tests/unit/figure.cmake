drn_test(figure SOURCES test_figure.c DEPS figure)
set_tests_properties(figure PROPERTIES ENVIRONMENT "${DRN_TEST_LEAKS}")
