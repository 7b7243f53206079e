drn_test(video SOURCES test_video.c test_video_parts.c test_video_yuv.c DEPS video)
