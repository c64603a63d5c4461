package dev.holdfast.cache.monitor;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * Where alerts may be sent to: not to this machine unless it is said to be that, and never to what is of a link, of many, of nobody, or of a cloud's metadata.
 * Private addresses may, for gateways of one's own.
 */
final class Destinations {
    /** 169.254.169.254, also where it ends an address of IPv6 that leads to it. */
    private static final int METADATA_SERVICE = 0xA9FEA9FE;

    private static final byte[] METADATA_SERVICE_V6 = {
        (byte) 0xfd, 0, 0x0e, (byte) 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54
    };

    private Destinations() {}

    /** Whether a host says that it is this machine. */
    static boolean isThisMachine(String host) {
        return host.equalsIgnoreCase("localhost") || host.matches("127(\\.[0-9]{1,3}){3}") || host.equals("[::1]");
    }

    /** Whether an address that a host's name resolves to may be connected to. */
    static boolean mayConnect(InetAddress to, String host) {
        if (to.isLoopbackAddress()) {
            return isThisMachine(host);
        }
        byte[] bytes = to.getAddress();
        return !to.isAnyLocalAddress()
                && !to.isLinkLocalAddress()
                && !to.isMulticastAddress()
                && !Arrays.equals(bytes, METADATA_SERVICE_V6)
                && ByteBuffer.wrap(bytes, bytes.length - 4, 4).getInt() != METADATA_SERVICE;
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
