"""Seat QUANTUM AMOS: beliefs, desire, intention and affect, fused by a circuit of two qubits."""
