"""The tables of schema sluicegate in the target database, and every statement that touches them."""
