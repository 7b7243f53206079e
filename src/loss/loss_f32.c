typedef float real;
#define TABLE drn_loss_f32
#include "loss/loss_body.inc"
