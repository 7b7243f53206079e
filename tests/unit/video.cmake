drn_test(video SOURCES test_video.c test_video_parts.c test_video_yuv.c DEPS video)
set_tests_properties(video PROPERTIES ENVIRONMENT "${DRN_TEST_LEAKS};${DRN_TEST_RACES}")
