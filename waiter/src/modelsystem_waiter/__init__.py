"""The waiter: holds a pod back until its build's model is complete and verified."""
