package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The node that replied to a question about the cluster: it may not know its own address, and it names the others as they announce
 * themselves.
 *
 * @param address where this process reaches it
 * @param tls whether this process talks TLS to the cluster
 * @param reached where this process reaches a node, by what it announces
 */
record Asked(Address address, boolean tls, UnaryOperator<Address> reached) {

    /** Whether a node that announces itself like this is the one that replied. */
    boolean isAt(@Nullable Address announced) {
        return announced != null && address.equals(reached.apply(announced));
    }
}
