package dev.holdfast.streams;

/** Host and port of a server; an IPv6 address without brackets. */
record ServerAddress(String host, int port) {
    ServerAddress {
        boolean name = !host.isEmpty() && host.chars().noneMatch(c -> c <= ' ' || "/@[]?#".indexOf(c) >= 0);
        if (!name || port < 1 || port > 65_535) {
            throw new IllegalArgumentException(
                    "a server must be host:port, with a port from 1 to 65535: " + host + ':' + port);
        }
    }

    /** Reads {@code host:port}. */
    static ServerAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        try {
            String host = text.substring(0, Math.max(0, colon));
            boolean bracketed = host.startsWith("[") && host.endsWith("]");
            return new ServerAddress(
                    bracketed ? host.substring(1, host.length() - 1) : host,
                    Integer.parseInt(text.substring(colon + 1)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a server must be host:port, with a port from 1 to 65535: " + text, e);
        }
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port;
    }
}
