"""Human texts that sets are laid over: their topics, and a ball around each that reaches to its fifth nearest."""

import numpy as np
from sklearn.cluster import KMeans

NEIGHBOURS = 5
"""Texts that a ball reaches over: to the fifth nearest."""
_TEXTS_A_TOPIC, _FEWEST_TOPICS, _MOST_TOPICS = 20, 5, 50


class HumanMap:
    """Human texts that sets are laid over: their topics, and the ball around each."""

    def __init__(self, vectors: np.ndarray, seed: int):
        topics = min(_MOST_TOPICS, max(_FEWEST_TOPICS, len(vectors) // _TEXTS_A_TOPIC))
        self.vectors = vectors
        self.topics = KMeans(topics, n_init=4, random_state=seed).fit(vectors)
        self.reach = reach_of(vectors @ vectors.T)[0]

    def topic_of(self, vectors: np.ndarray) -> np.ndarray:
        return np.asarray(self.topics.predict(vectors))


def reach_of(cosines: np.ndarray, spare: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cosine of each text to its fifth nearest other one; then its nearest others, `spare` more than five, the nearest
    first: their places and cosines."""
    cosines = cosines.copy()
    np.fill_diagonal(cosines, -np.inf)
    count = min(NEIGHBOURS + spare, len(cosines) - 1)
    places = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    near = np.take_along_axis(cosines, places, axis=1)
    order = np.argsort(-near, axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    return near[:, min(NEIGHBOURS, count) - 1], np.take_along_axis(places, order, axis=1), near
