package dev.holdfast.cache.single;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import jdk.net.ExtendedSocketOptions;

/** Opens the sockets of connections: to a Unix path, or to each address of a name in turn. */
final class Sockets {
    /** Without traffic the kernel asks after so long whether the other end is there, so often, and then gives up. */
    private static final int KEEPALIVE_SECONDS = 15;

    private static final int KEEPALIVE_INTERVAL_SECONDS = 5;
    private static final int KEEPALIVE_COUNT = 3;

    /** Is handed a socket that is about to be connected. */
    @FunctionalInterface
    interface Adopter {
        void adopt(Socket socket) throws IOException;
    }

    private Sockets() {}

    /**
     * Opens one, of whatever kind the place asks for, with TLS around it if there is any. Blocks.
     *
     * @param until when it must be open; a name is resolved for as long as that takes
     * @param adopted is handed the bare socket before it is connected, so that others may close it
     */
    static Socket open(SingleConfig config, Connector.Route route, long until, Adopter adopted) throws IOException {
        if (config.place() instanceof Place.Socket place) {
            UnixSocket socket = new UnixSocket();
            adopted.adopt(socket);
            socket.connect(place.path());
            return socket;
        }
        Address address = route.address(until);
        Socket plain = connect(InetAddress.getAllByName(address.host()), address, until, adopted);
        TlsConfig tls = config.tls();
        return tls == null ? plain : Tls.wrap(tls, plain, address.host(), address.port());
    }

    /** Tries the addresses in turn; each has its share of the time that is left. */
    private static Socket connect(InetAddress[] addresses, Address address, long until, Adopter adopted)
            throws IOException {
        IOException failure = null;
        for (int i = 0; i < addresses.length; i++) {
            Socket socket = new Socket();
            try {
                // Before anybody else may close it: the first option makes what a close would find.
                socket.setTcpNoDelay(true);
                keepAlive(socket);
                adopted.adopt(socket);
                long left = (until - System.nanoTime()) / 1_000_000;
                if (left < 1) {
                    throw new SocketTimeoutException("Connect timed out");
                }
                socket.connect(new InetSocketAddress(addresses[i], address.port()), (int)
                        Math.max(1, left / (addresses.length - i)));
                return socket;
            } catch (IOException e) {
                socket.close();
                if (failure != null) {
                    e.addSuppressed(failure);
                }
                failure = e;
            }
        }
        throw failure == null ? new UnknownHostException(address.host()) : failure;
    }

    private static void keepAlive(Socket socket) throws IOException {
        socket.setKeepAlive(true);
        if (socket.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
            socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_COUNT);
        }
    }
}
