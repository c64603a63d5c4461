package dev.holdfast.cache.micrometer;

/**
 * Where a server listens, as OpenTelemetry's attributes have it.
 *
 * @param host a name or an address, an IPv6 address without brackets
 * @param port digits; {@code none} where the store names no port
 */
record ServerAddress(String host, String port) {
    private static final String NO_PORT = "none";

    /** Reads {@code host:port}, with an IPv6 address in brackets. */
    static ServerAddress of(String text) {
        int colon = text.lastIndexOf(':');
        boolean hasPort = colon > text.lastIndexOf(']') && colon < text.length() - 1;
        String host = hasPort ? text.substring(0, colon) : text;
        boolean bracketed = host.startsWith("[") && host.endsWith("]");
        return new ServerAddress(
                bracketed ? host.substring(1, host.length() - 1) : host, hasPort ? text.substring(colon + 1) : NO_PORT);
    }
}
