"""Version 2 of the API: the Open Inference Protocol over REST."""
