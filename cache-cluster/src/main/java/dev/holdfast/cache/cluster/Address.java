package dev.holdfast.cache.cluster;

/**
 * Where a node listens.
 *
 * @param host a host name or an IP address, IPv6 without brackets
 * @param port the port, from 1 to 65535
 */
record Address(String host, int port) {
    Address {
        boolean name = host.indexOf(':') < 0 && host.chars().noneMatch(c -> c <= ' ' || "/@[]?#,".indexOf(c) >= 0);
        if (host.isEmpty() || (!name && !isIpV6(host))) {
            throw new IllegalArgumentException("must be a host name or an IP address: \"" + host + '"');
        }
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("must be a port from 1 to 65535: " + port);
        }
    }

    /**
     * Reads {@code host:port}, an IPv6 address in brackets or, as the cluster writes it, without.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    static Address parse(String text) {
        int colon = text.lastIndexOf(':');
        String port = text.substring(colon + 1);
        if (colon < 1 || !port.matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("must be host:port: \"" + text + '"');
        }
        String host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
            if (!isIpV6(host)) {
                throw new IllegalArgumentException("must have an IPv6 address in the brackets: \"" + text + '"');
            }
        }
        return new Address(host, Integer.parseInt(port));
    }

    private static boolean isIpV6(String host) {
        return host.indexOf(':') >= 0 && host.matches("[0-9A-Fa-f:.]{2,45}(%[\\w.-]+)?");
    }

    /** Whether it needs no name service. */
    boolean isLiteral() {
        return host.indexOf(':') >= 0 || host.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }

    /** {@code host:port}, an IPv6 address in brackets. */
    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port;
    }
}
