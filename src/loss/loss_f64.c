typedef double real;
#define TABLE drn_loss_f64
#include "loss/loss_body.inc"
