"""Helm, kubectl, and the sites of builds."""
