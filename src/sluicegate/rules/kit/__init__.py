"""What a rule is written with: the declaration, the questions it may ask, and the code it may propose."""
