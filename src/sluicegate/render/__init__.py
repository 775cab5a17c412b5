"""Reports as text for people and as data for machines; a renderer is a function from a report to text."""
