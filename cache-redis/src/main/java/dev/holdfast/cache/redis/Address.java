package dev.holdfast.cache.redis;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a server listens.
 *
 * @param host a host name or an IP address, IPv6 without brackets
 * @param port the port, from 1 to 65535
 */
public record Address(String host, int port) {
    private static final int MOST_CHARACTERS = 255;

    /**
     * Checks both.
     *
     * @throws IllegalArgumentException if one of them is malformed
     */
    public Address {
        boolean name = host.indexOf(':') < 0 && host.chars().noneMatch(c -> c <= ' ' || "/@[]?#,".indexOf(c) >= 0);
        if (host.isEmpty() || host.length() > MOST_CHARACTERS || (!name && !isIpV6(host))) {
            // Shown by nobody: where somebody mixes up two settings it may be a secret.
            throw new IllegalArgumentException("host must be a host name or an IP address, and nothing else");
        }
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("port must be from 1 to 65535: " + port);
        }
    }

    /**
     * Reads {@code host:port}, an IPv6 address in brackets or, as a cluster writes it, without.
     *
     * @param text the text
     * @return the address
     * @throws IllegalArgumentException if it is malformed
     */
    public static Address parse(String text) {
        int colon = text.lastIndexOf(':');
        String port = text.substring(colon + 1);
        if (colon < 1 || !port.matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("must be host:port, an IPv6 address in brackets");
        }
        String host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
            if (!isIpV6(host)) {
                throw new IllegalArgumentException("must have an IPv6 address in the brackets");
            }
        }
        return new Address(host, Integer.parseInt(port));
    }

    private static boolean isIpV6(String host) {
        // One colon is what stands before a port: an IPv6 address has two at least.
        return host.indexOf(':') != host.lastIndexOf(':') && host.matches("[0-9A-Fa-f:.]{2,45}(%[\\w.-]+)?");
    }

    /** Says whether it needs no name service. */
    public boolean isLiteral() {
        return host.indexOf(':') >= 0 || host.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }

    /**
     * Reads a list of addresses as an operator writes them: an IPv6 address stands in brackets.
     *
     * @param texts the texts, at least one
     * @param defaultPort the port of those that name none; 0 if each has to name one
     * @return the addresses in their order, unmodifiable
     * @throws IllegalArgumentException if there is none, or one is malformed; shows nothing of it, since it may hold a password
     */
    public static List<Address> parseAll(List<String> texts, int defaultPort) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("nodes must hold at least one host:port");
        }
        List<Address> addresses = new ArrayList<>();
        for (String text : texts) {
            try {
                addresses.add(parseOne(text, defaultPort));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "node " + (addresses.size() + 1)
                                + " must be host:port with a port from 1 to 65535, an IPv6 address in brackets, and nothing else");
            }
        }
        return List.copyOf(addresses);
    }

    private static Address parseOne(String text, int defaultPort) {
        boolean bracketed = text.startsWith("[");
        if (!bracketed && text.indexOf(':') != text.lastIndexOf(':')) {
            throw new IllegalArgumentException("an IPv6 address without brackets");
        }
        boolean hasPort = text.indexOf(':', bracketed ? text.indexOf(']') + 1 : 0) >= 0;
        return parse(hasPort || defaultPort == 0 ? text : text + ':' + defaultPort);
    }

    /** {@code host:port}, an IPv6 address in brackets. */
    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port;
    }
}
