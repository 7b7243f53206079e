/* A graph in ONNX's operators. */
#ifndef DRN_MODELS_ONNX_GRAPH_H
#define DRN_MODELS_ONNX_GRAPH_H

#include "graph/graph.h"
#include "io/onnx.h"

/* Add the operators and parameters of a float graph that computes `output` from `input`, as tensors "lr"
 * and "sr" with free batch, height and width.  The graph must not have been planned; parameters are
 * borrowed until w is written.
 * DRN_ERR_UNSUPPORTED: an operation without a form for every input size (windows, losses).  Errors stick
 * to w. */
void drn_graph_to_onnx(drn_onnx *w, const drn_graph *g, drn_value input, drn_value output);

#endif
