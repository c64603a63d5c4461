package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Where this process reaches nodes that announce themselves by addresses of another network, as {@code REDIS_CLUSTER_ADDRESSES} says it:
 * {@code announced}, where they say; {@code seed}, at the host of the first configured node, at the port that they announce; or a list
 * of {@code from=to}, each a host, for all its ports, or {@code host:port}. Immutable.
 */
final class AddressMap implements UnaryOperator<String> {
    static final String MAY_HOLD =
            "must be announced, seed, or from=to,from=to,… where each is host or host:port, an IPv6 address in"
                    + " brackets";

    private final Map<String, String> places;

    private AddressMap(Map<String, String> places) {
        this.places = places;
    }

    /**
     * Reads a map.
     *
     * @param words what is set, at least one word
     * @param seeds the configured nodes, at least one
     * @return what takes {@code host:port} and returns {@code host:port}
     * @throws IllegalArgumentException if it is malformed
     */
    static UnaryOperator<String> of(List<String> words, List<Address> seeds) {
        if (words.size() == 1 && words.get(0).equalsIgnoreCase("announced")) {
            return UnaryOperator.identity();
        }
        if (words.size() == 1 && words.get(0).equalsIgnoreCase("seed")) {
            String host = seeds.get(0).host();
            return announced -> new Address(host, Address.parse(announced).port()).toString();
        }
        Map<String, String> places = new HashMap<>();
        for (String word : words) {
            String[] sides = word.split("=", -1);
            if (sides.length != 2 || (hasPort(sides[0]) && !hasPort(sides[1]))) {
                throw new IllegalArgumentException(MAY_HOLD + "; what has a port has one on both sides");
            }
            check(sides[0]);
            check(sides[1]);
            if (places.put(bare(sides[0]), sides[1]) != null) {
                throw new IllegalArgumentException(MAY_HOLD + "; the address " + sides[0] + " stands there twice");
            }
        }
        return new AddressMap(Map.copyOf(places));
    }

    private static void check(String side) {
        try {
            Address unused = Address.parse(hasPort(side) ? side : side + ":1");
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(MAY_HOLD);
        }
    }

    private static boolean hasPort(String side) {
        return side.indexOf(':', side.startsWith("[") ? Math.max(0, side.indexOf(']')) : 0) >= 0;
    }

    /** As {@link Address} has hosts and ports. */
    private static String bare(String side) {
        return hasPort(side)
                ? Address.parse(side).toString()
                : Address.parse(side + ":1").host();
    }

    @Override
    public String apply(String announced) {
        Address address = Address.parse(announced);
        String place = places.get(address.toString());
        if (place == null) {
            place = places.get(address.host());
        }
        return place == null ? announced : hasPort(place) ? place : place + ':' + address.port();
    }
}
