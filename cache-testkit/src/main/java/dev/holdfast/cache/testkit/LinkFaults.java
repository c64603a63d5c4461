package dev.holdfast.cache.testkit;

import dev.holdfast.cache.testkit.TcpProxy.Direction;

/**
 * What is wrong with a proxy's connections now. Immutable.
 *
 * @param bytesPerSecond 0: no bound
 * @param dripNanos the pause before each byte of a reply, -1: replies pass whole
 * @param idleNanos after how long without a byte a connection is swallowed, -1: never
 */
record LinkFaults(Way toServer, Way toClient, long bytesPerSecond, boolean swallows, long dripNanos, long idleNanos) {

    /**
     * What is wrong one way.
     *
     * @param cutAfter how many bytes, -1: never
     */
    record Way(long delayNanos, long cutAfter) {
        private static final Way CLEAR = new Way(0, -1);
    }

    static final LinkFaults NONE = new LinkFaults(Way.CLEAR, Way.CLEAR, 0, false, -1, -1);

    Way way(Direction direction) {
        return direction == Direction.TO_SERVER ? toServer : toClient;
    }

    private LinkFaults withWay(Direction direction, Way way) {
        boolean changed = direction == Direction.TO_SERVER;
        return new LinkFaults(
                changed ? way : toServer, changed ? toClient : way, bytesPerSecond, swallows, dripNanos, idleNanos);
    }

    LinkFaults withDelay(Direction direction, long nanos) {
        return withWay(direction, new Way(nanos, way(direction).cutAfter()));
    }

    LinkFaults withCut(Direction direction, long bytes) {
        return withWay(direction, new Way(way(direction).delayNanos(), bytes));
    }

    LinkFaults withRate(long rate) {
        return new LinkFaults(toServer, toClient, rate, swallows, dripNanos, idleNanos);
    }

    LinkFaults withSwallowing() {
        return new LinkFaults(toServer, toClient, bytesPerSecond, true, dripNanos, idleNanos);
    }

    LinkFaults withDrip(long nanos) {
        return new LinkFaults(toServer, toClient, bytesPerSecond, swallows, nanos, idleNanos);
    }

    LinkFaults withIdleLimit(long nanos) {
        return new LinkFaults(toServer, toClient, bytesPerSecond, swallows, dripNanos, nanos);
    }
}
