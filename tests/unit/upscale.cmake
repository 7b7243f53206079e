drn_test(model SOURCES test_model.c DEPS models)
drn_test(onnx SOURCES test_onnx.c DEPS models)
drn_test(upscale SOURCES test_upscale.c test_upscale_steps.c test_upscale_loop.c test_upscale_stream.c DEPS upscale)
