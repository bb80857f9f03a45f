"""The waiter: holds a pod back until the model of its build is complete and verified."""
