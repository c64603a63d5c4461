package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.Address;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Where a server is, as its configuration says it. */
sealed interface Place {

    /** How messages call it. */
    String name();

    /**
     * At a TCP port.
     *
     * @param address the port
     */
    record Port(Address address) implements Place {
        @Override
        public String name() {
            return address.toString();
        }
    }

    /**
     * At a socket of the file system.
     *
     * @param path the socket
     */
    record Socket(Path path) implements Place {
        @Override
        public String name() {
            return path.toString();
        }
    }

    /**
     * Where the sentinels say that the master is.
     *
     * @param sentinels the sentinels, at least one
     * @param master how they call the master
     */
    record Master(List<Address> sentinels, String master) implements Place {
        @Override
        public String name() {
            return sentinels.stream().map(Address::toString).collect(Collectors.joining(",")) + '/' + master;
        }
    }
}
