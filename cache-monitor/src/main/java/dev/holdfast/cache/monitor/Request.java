package dev.holdfast.cache.monitor;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What was asked, whichever server took it. Bodies are no part of it: nothing here reads one.
 *
 * @param method {@code GET}, {@code HEAD} or what is refused
 * @param path the path, decoded, without the query
 * @param query the parameters of the query, decoded
 * @param authorization the header of that name; {@code null} if there was none
 * @param remote the address that it came from, without the port
 */
public record Request(
        String method,
        String path,
        Map<String, String> query,
        @Nullable String authorization,
        String remote) {

    /** Checks and copies. */
    public Request {
        Objects.requireNonNull(method, "method");
        Objects.requireNonNull(path, "path");
        query = Map.copyOf(query);
    }

    /** Takes the parameters of a query apart; of several with one name the last counts, and what can't be decoded is passed over. */
    static Map<String, String> parameters(@Nullable String rawQuery) {
        Map<String, String> parameters = new HashMap<>();
        for (String pair : rawQuery == null ? new String[0] : rawQuery.split("&", -1)) {
            int equals = pair.indexOf('=');
            try {
                String name = URLDecoder.decode(equals < 0 ? pair : pair.substring(0, equals), StandardCharsets.UTF_8);
                String value = equals < 0 ? "" : URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
                parameters.put(name, value);
            } catch (IllegalArgumentException e) {
                parameters.remove(pair); // not decoded: as if it had not been sent
            }
        }
        return parameters;
    }

    /** Returns a whole number of the query, held within bounds; the default if it is missing or no number. */
    int number(String name, int byDefault, int min, int max) {
        try {
            return Math.max(min, Math.min(max, Integer.parseInt(query.getOrDefault(name, "" + byDefault))));
        } catch (NumberFormatException e) {
            return byDefault;
        }
    }
}
