"""What is learnt of the use of tools' outputs."""
