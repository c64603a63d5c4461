package dev.holdfast.cache.testkit;

import dev.holdfast.cache.testkit.TcpProxy.Direction;

/**
 * What is wrong with a proxy's connections now. Immutable.
 *
 * @param bytesPerSecond 0: no bound
 * @param cutToServer after how many bytes, -1: never
 * @param dripNanos the pause before each byte of a reply, -1: replies pass whole
 * @param idleNanos after how long without a byte a connection is swallowed, -1: never
 */
record LinkFaults(
        long delayToServerNanos,
        long delayToClientNanos,
        long bytesPerSecond,
        boolean swallows,
        long cutToServer,
        long cutToClient,
        long dripNanos,
        long idleNanos) {

    static final LinkFaults NONE = new LinkFaults(0, 0, 0, false, -1, -1, -1, -1);

    long delayNanos(Direction direction) {
        return direction == Direction.TO_SERVER ? delayToServerNanos : delayToClientNanos;
    }

    long cutAfter(Direction direction) {
        return direction == Direction.TO_SERVER ? cutToServer : cutToClient;
    }

    LinkFaults withDelay(Direction direction, long nanos) {
        boolean toServer = direction == Direction.TO_SERVER;
        return new LinkFaults(
                toServer ? nanos : delayToServerNanos,
                toServer ? delayToClientNanos : nanos,
                bytesPerSecond,
                swallows,
                cutToServer,
                cutToClient,
                dripNanos,
                idleNanos);
    }

    LinkFaults withCut(Direction direction, long bytes) {
        boolean toServer = direction == Direction.TO_SERVER;
        return new LinkFaults(
                delayToServerNanos,
                delayToClientNanos,
                bytesPerSecond,
                swallows,
                toServer ? bytes : cutToServer,
                toServer ? cutToClient : bytes,
                dripNanos,
                idleNanos);
    }

    LinkFaults withRate(long rate) {
        return new LinkFaults(
                delayToServerNanos, delayToClientNanos, rate, swallows, cutToServer, cutToClient, dripNanos, idleNanos);
    }

    LinkFaults withSwallowing() {
        return new LinkFaults(
                delayToServerNanos,
                delayToClientNanos,
                bytesPerSecond,
                true,
                cutToServer,
                cutToClient,
                dripNanos,
                idleNanos);
    }

    LinkFaults withDrip(long nanos) {
        return new LinkFaults(
                delayToServerNanos,
                delayToClientNanos,
                bytesPerSecond,
                swallows,
                cutToServer,
                cutToClient,
                nanos,
                idleNanos);
    }

    LinkFaults withIdleLimit(long nanos) {
        return new LinkFaults(
                delayToServerNanos,
                delayToClientNanos,
                bytesPerSecond,
                swallows,
                cutToServer,
                cutToClient,
                dripNanos,
                nanos);
    }
}
