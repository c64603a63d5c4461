package dev.holdfast.cache.monitor;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which requests a listener takes: those that name it as their host, so that a page of somebody else's whose name was made to resolve to this machine gets
 * nothing, and outside this machine those that bring the token. The page itself holds nothing and is for everybody who names the host.
 */
final class HostCheck {
    private static final String PAGE = "/";

    private final Set<String> names;
    private final @Nullable Access access;

    private HostCheck(Set<String> names, @Nullable Access access) {
        this.names = names;
        this.access = access;
    }

    /** Of a listener that only this machine reaches, or of one that others do. */
    static HostCheck of(MonitorSettings settings, Access access) {
        String configured = settings.hostName().toLowerCase(Locale.ROOT);
        String address = settings.host().getHostAddress();
        // Whoever listens on every address has names that nobody can list; there the token guards.
        Set<String> names = settings.host().isAnyLocalAddress() ? Set.of() : names(configured, address);
        return new HostCheck(names, settings.isLocal() ? null : access);
    }

    /** Of a listener that answers probes alone, by whatever name. */
    static HostCheck none() {
        return new HostCheck(Set.of(), null);
    }

    private static Set<String> names(String configured, String address) {
        Set<String> names = new HashSet<>(Set.of("localhost", "127.0.0.1", "::1"));
        names.add(configured);
        names.add(address);
        return names;
    }

    /** Lets a request through, or says why not. */
    @Nullable
    Reply refusal(@Nullable String host, Request request) {
        if (!names.isEmpty() && (host == null || !names.contains(name(host)))) {
            return Reply.error(421, "this is not that host");
        }
        return access == null || request.path().equals(PAGE) ? null : access.refusal(request);
    }

    /** Without port and brackets. */
    private static String name(String host) {
        String lower = host.strip().toLowerCase(Locale.ROOT);
        if (lower.startsWith("[")) {
            int end = lower.indexOf(']');
            return end < 0 ? lower : lower.substring(1, end);
        }
        int colon = lower.indexOf(':');
        return colon < 0 ? lower : lower.substring(0, colon);
    }
}
