package dev.holdfast.cache.testkit;

/**
 * Where a server listens on the loopback address. Immutable.
 *
 * @param port for clients
 * @param busPort for the other nodes of a cluster; 0 for a server that is in none
 * @param fixed whether it listens there or nowhere
 */
record ServerPorts(int port, int busPort, boolean fixed) {

    static ServerPorts fixed(int port) {
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("port must be 1 to 65535: " + port);
        }
        return new ServerPorts(port, 0, true);
    }

    static ServerPorts free(boolean clustered) {
        return new ServerPorts(Ports.free(), clustered ? Ports.free() : 0, false);
    }

    boolean isClustered() {
        return busPort > 0;
    }

    /** As {@code nodes.conf} has it. */
    String clusterAddress() {
        return "127.0.0.1:" + port + "@" + busPort;
    }

    /** Lets others have them. */
    void release() {
        Ports.release(port);
        Ports.release(busPort);
    }
}
