"""The users' requests of a build, followed pod by pod while pods come and go."""

from collections.abc import Mapping, Set

from modelsystem_release.judging.health import Traffic, read_traffic


class PodCounters:
    """Adds up what each pod has counted since the start.

    A pod that ends takes its counters along; what it had counted until the last look stays.
    """

    def __init__(self, pods: Set[str], texts: Mapping[str, str]) -> None:
        """Start from what the pods have counted by now.

        pods: the uids of all pods there are. texts: /metrics of those that could be read, by uid.
        """
        self._unread = set(pods) - texts.keys()  # their first look is their start
        self._latest = {pod: read_traffic([text]) for pod, text in texts.items()}
        self.traffic = Traffic()

    def follow(self, texts: Mapping[str, str]) -> Traffic:
        """Return the sum since the start; a pod that is new has counted from zero.

        Raises:
            ServiceError: a text is not in Prometheus' format.

        """
        for pod, text in texts.items():
            counted = read_traffic([text])
            if pod not in self._unread:
                self.traffic += counted.since(self._latest.get(pod, Traffic()))
            self._unread.discard(pod)
            self._latest[pod] = counted
        return self.traffic
