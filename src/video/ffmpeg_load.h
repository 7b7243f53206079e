/* FFmpeg's libraries, loaded when the first film is opened: they bring a hundred others, which
 * would make every start of the program slow, and the program also runs where they are not
 * installed.  Their functions are called by their own names, which stand for pointers here. */
#ifndef DRN_VIDEO_FFMPEG_LOAD_H
#define DRN_VIDEO_FFMPEG_LOAD_H

/* Their headers do not compile under our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#pragma GCC diagnostic pop

#include "base/error.h"

/* Side data of a stream moved into its parameters with libavformat 60.15. */
#define DRN_SIDE_DATA_IN_PARAMETERS (LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100))
#if DRN_SIDE_DATA_IN_PARAMETERS
#define DRN_AV_SIDE_DATA(X) X(avcodec, av_packet_side_data_new)
#else
#define DRN_AV_SIDE_DATA(X) X(avformat, av_stream_new_side_data)
#endif

/* clang-format off */
#define DRN_AV_FUNCTIONS(X) \
    DRN_AV_SIDE_DATA(X) \
    X(avcodec, av_new_packet) \
    X(avcodec, av_packet_alloc) \
    X(avcodec, av_packet_free) \
    X(avcodec, av_packet_rescale_ts) \
    X(avcodec, av_packet_unref) \
    X(avcodec, avcodec_alloc_context3) \
    X(avcodec, avcodec_find_encoder_by_name) \
    X(avcodec, avcodec_free_context) \
    X(avcodec, avcodec_get_name) \
    X(avcodec, avcodec_open2) \
    X(avcodec, avcodec_parameters_alloc) \
    X(avcodec, avcodec_parameters_copy) \
    X(avcodec, avcodec_parameters_free) \
    X(avcodec, avcodec_parameters_from_context) \
    X(avcodec, avcodec_parameters_to_context) \
    X(avcodec, avcodec_receive_frame) \
    X(avcodec, avcodec_receive_packet) \
    X(avcodec, avcodec_send_frame) \
    X(avcodec, avcodec_send_packet) \
    X(avcodec, avcodec_version) \
    X(avformat, av_find_best_stream) \
    X(avformat, av_guess_format) \
    X(avformat, av_guess_frame_rate) \
    X(avformat, av_guess_sample_aspect_ratio) \
    X(avformat, av_interleaved_write_frame) \
    X(avformat, av_read_frame) \
    X(avformat, av_write_trailer) \
    X(avformat, avformat_alloc_output_context2) \
    X(avformat, avformat_close_input) \
    X(avformat, avformat_find_stream_info) \
    X(avformat, avformat_free_context) \
    X(avformat, avformat_new_stream) \
    X(avformat, avformat_open_input) \
    X(avformat, avformat_query_codec) \
    X(avformat, avformat_write_header) \
    X(avformat, avio_close_dyn_buf) \
    X(avformat, avio_closep) \
    X(avformat, avio_open) \
    X(avformat, avio_open_dyn_buf) \
    X(avutil, av_asprintf) \
    X(avutil, av_compare_ts) \
    X(avutil, av_dict_free) \
    X(avutil, av_dict_get) \
    X(avutil, av_dict_set) \
    X(avutil, av_dynarray_add_nofree) \
    X(avutil, av_frame_alloc) \
    X(avutil, av_frame_free) \
    X(avutil, av_frame_get_buffer) \
    X(avutil, av_frame_unref) \
    X(avutil, av_free) \
    X(avutil, av_get_media_type_string) \
    X(avutil, av_get_pix_fmt_name) \
    X(avutil, av_log_set_callback) \
    X(avutil, av_mallocz) \
    X(avutil, av_pix_fmt_desc_get) \
    X(avutil, av_pix_fmt_desc_get_id) \
    X(avutil, av_pix_fmt_desc_next) \
    X(avutil, av_rescale_q) \
    X(avutil, av_strerror) \
    X(swscale, sws_freeContext) \
    X(swscale, sws_getCachedContext) \
    X(swscale, sws_getCoefficients) \
    X(swscale, sws_isSupportedOutput) \
    X(swscale, sws_scale) \
    X(swscale, sws_setColorspaceDetails)

/* clang-format on */
typedef struct drn_av_table {
#define X(library, name) __typeof__(name) *name;
    DRN_AV_FUNCTIONS(X)
#undef X
} drn_av_table;

extern drn_av_table drn_av; /* filled by drn_av_load() */

/* DRN_ERR_UNSUPPORTED when one of the libraries is not installed.  Thread-safe, of no effect the
 * second time. */
drn_status drn_av_load(drn_error *err);

#ifndef DRN_AV_LOADER
#define av_new_packet drn_av.av_new_packet
#define av_packet_alloc drn_av.av_packet_alloc
#define av_packet_free drn_av.av_packet_free
#define av_packet_rescale_ts drn_av.av_packet_rescale_ts
#define av_packet_unref drn_av.av_packet_unref
#define avcodec_alloc_context3 drn_av.avcodec_alloc_context3
#define avcodec_find_encoder_by_name drn_av.avcodec_find_encoder_by_name
#define avcodec_free_context drn_av.avcodec_free_context
#define avcodec_get_name drn_av.avcodec_get_name
#define avcodec_open2 drn_av.avcodec_open2
#define avcodec_parameters_alloc drn_av.avcodec_parameters_alloc
#define avcodec_parameters_copy drn_av.avcodec_parameters_copy
#define avcodec_parameters_free drn_av.avcodec_parameters_free
#define avcodec_parameters_from_context drn_av.avcodec_parameters_from_context
#define avcodec_parameters_to_context drn_av.avcodec_parameters_to_context
#define avcodec_receive_frame drn_av.avcodec_receive_frame
#define avcodec_receive_packet drn_av.avcodec_receive_packet
#define avcodec_send_frame drn_av.avcodec_send_frame
#define avcodec_send_packet drn_av.avcodec_send_packet
#define avcodec_version drn_av.avcodec_version
#define av_find_best_stream drn_av.av_find_best_stream
#define av_guess_format drn_av.av_guess_format
#define av_guess_frame_rate drn_av.av_guess_frame_rate
#define av_guess_sample_aspect_ratio drn_av.av_guess_sample_aspect_ratio
#define av_interleaved_write_frame drn_av.av_interleaved_write_frame
#define av_read_frame drn_av.av_read_frame
#define av_stream_new_side_data drn_av.av_stream_new_side_data
#define av_write_trailer drn_av.av_write_trailer
#define avformat_alloc_output_context2 drn_av.avformat_alloc_output_context2
#define avformat_close_input drn_av.avformat_close_input
#define avformat_find_stream_info drn_av.avformat_find_stream_info
#define avformat_free_context drn_av.avformat_free_context
#define avformat_new_stream drn_av.avformat_new_stream
#define avformat_open_input drn_av.avformat_open_input
#define avformat_query_codec drn_av.avformat_query_codec
#define avformat_write_header drn_av.avformat_write_header
#define avio_close_dyn_buf drn_av.avio_close_dyn_buf
#define avio_closep drn_av.avio_closep
#define avio_open drn_av.avio_open
#define avio_open_dyn_buf drn_av.avio_open_dyn_buf
#define av_asprintf drn_av.av_asprintf
#define av_compare_ts drn_av.av_compare_ts
#define av_dict_free drn_av.av_dict_free
#define av_dict_get drn_av.av_dict_get
#define av_dict_set drn_av.av_dict_set
#define av_dynarray_add_nofree drn_av.av_dynarray_add_nofree
#define av_frame_alloc drn_av.av_frame_alloc
#define av_frame_free drn_av.av_frame_free
#define av_frame_get_buffer drn_av.av_frame_get_buffer
#define av_frame_unref drn_av.av_frame_unref
#define av_free drn_av.av_free
#define av_get_media_type_string drn_av.av_get_media_type_string
#define av_get_pix_fmt_name drn_av.av_get_pix_fmt_name
#define av_log_set_callback drn_av.av_log_set_callback
#define av_mallocz drn_av.av_mallocz
#define av_pix_fmt_desc_get drn_av.av_pix_fmt_desc_get
#define av_pix_fmt_desc_get_id drn_av.av_pix_fmt_desc_get_id
#define av_pix_fmt_desc_next drn_av.av_pix_fmt_desc_next
#define av_rescale_q drn_av.av_rescale_q
#define av_strerror drn_av.av_strerror
#define sws_freeContext drn_av.sws_freeContext
#define sws_getCachedContext drn_av.sws_getCachedContext
#define sws_getCoefficients drn_av.sws_getCoefficients
#define sws_isSupportedOutput drn_av.sws_isSupportedOutput
#define sws_scale drn_av.sws_scale
#define sws_setColorspaceDetails drn_av.sws_setColorspaceDetails
#define av_packet_side_data_new drn_av.av_packet_side_data_new
#endif
#endif
