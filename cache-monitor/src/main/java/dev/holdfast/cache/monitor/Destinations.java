package dev.holdfast.cache.monitor;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * Where alerts may be sent to: not to this machine unless it is said to be that, and never to what is of a link, of many, of nobody, or of a cloud's metadata.
 * Private addresses may, for gateways of one's own.
 */
final class Destinations {
    /** Where clouds tell a machine its secrets, besides addresses of a link: Amazon over IPv6, Google over IPv6, Alibaba, Oracle, Azure. */
    private static final Set<InetAddress> METADATA = Set.of(
            address(0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54),
            address(0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54),
            address(100, 100, 100, 200),
            address(192, 0, 0, 192),
            address(168, 63, 129, 16));

    private static final int[] NAT64 = {0, 0x64, 0xff, 0x9b};
    private static final int[] SIX_TO_FOUR = {0x20, 0x02};

    private Destinations() {}

    private static InetAddress address(int... bytes) {
        byte[] address = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            address[i] = (byte) bytes[i];
        }
        return of(address);
    }

    private static InetAddress of(byte[] address) {
        try {
            return InetAddress.getByAddress(address);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(address.length + " bytes are no address", e);
        }
    }

    /** Whether a host says that it is this machine. */
    static boolean isThisMachine(String host) {
        return host.equalsIgnoreCase("localhost") || host.matches("127(\\.[0-9]{1,3}){3}") || host.equals("[::1]");
    }

    /** Whether an address that a host's name resolves to may be connected to. */
    static boolean mayConnect(InetAddress to, String host) {
        InetAddress meant = meant(to);
        if (isThisMachine(host) || meant.isLoopbackAddress()) {
            return isThisMachine(host) && to.isLoopbackAddress();
        }
        return !meant.isAnyLocalAddress()
                && !meant.isLinkLocalAddress()
                && !meant.isMulticastAddress()
                && !METADATA.contains(meant);
    }

    /** The address of IPv4 that one of IPv6 leads to through a translator or a tunnel; otherwise itself. */
    private static InetAddress meant(InetAddress to) {
        byte[] bytes = to.getAddress();
        if (bytes.length == 4 || to.isLoopbackAddress() || to.isAnyLocalAddress()) {
            return to;
        }
        if (begins(bytes, SIX_TO_FOUR)) {
            return of(Arrays.copyOfRange(bytes, 2, 6));
        }
        boolean compatible = begins(bytes, new int[12]);
        return compatible || begins(bytes, NAT64) ? of(Arrays.copyOfRange(bytes, 12, 16)) : to;
    }

    private static boolean begins(byte[] bytes, int... begin) {
        for (int i = 0; i < begin.length; i++) {
            if ((bytes[i] & 0xff) != begin[i]) {
                return false;
            }
        }
        return true;
    }

    /** Why nothing may be sent to a host that is written in figures, as what it must do; empty for names, which are judged when they are resolved. */
    static Optional<String> refusal(String host) {
        if (!host.startsWith("[") && !host.matches("[0-9.]+") && !host.matches("(?i)0x[0-9a-fx.]+")) {
            return Optional.empty();
        }
        if (host.startsWith("0")) {
            return Optional.of("must not write its host in hexadecimal or octal figures");
        }
        try {
            // No resolver is asked for figures.
            return mayConnect(InetAddress.getByName(host), host)
                    ? Optional.empty()
                    : Optional.of("must not lead to an address of that kind");
        } catch (UnknownHostException e) {
            return Optional.of("must hold an address where it holds figures");
        }
    }
}
