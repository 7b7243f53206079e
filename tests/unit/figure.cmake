drn_test(figure SOURCES test_figure.c DEPS figure)
