package dev.holdfast.cache.monitor;

import java.net.InetAddress;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which requests a server takes, by the address of this machine that they came to. At the monitor's own: those that name it as their host, so that a
 * page of somebody else's whose name was made to resolve to this machine gets nothing, and outside this machine those that bring the token; the page
 * itself holds nothing and is for everybody who names the host. At the probes': the probes, by whatever name.
 */
final class HostCheck {
    private static final String PAGE = "/";
    private static final Set<String> PROBES = Set.of("/health", "/ready");

    private final Predicate<InetAddress> own;
    private final Predicate<InetAddress> forProbes;
    private final Set<String> names;
    private final @Nullable Access access;

    private HostCheck(
            Predicate<InetAddress> own, Predicate<InetAddress> forProbes, Set<String> names, @Nullable Access access) {
        this.own = own;
        this.forProbes = forProbes;
        this.names = names;
        this.access = access;
    }

    /** Of a server as the settings want it. */
    static HostCheck of(MonitorSettings settings, Access access) {
        InetAddress probes = settings.probesHost();
        // Whoever listens on every address has names that nobody can list; there the token guards.
        Set<String> names = settings.host().isAnyLocalAddress()
                ? Set.of()
                : names(
                        settings.hostName().toLowerCase(Locale.ROOT),
                        settings.host().getHostAddress());
        return new HostCheck(
                covers(settings.host()),
                probes == null ? local -> false : covers(probes),
                names,
                settings.guarded() ? access : null);
    }

    /** Of a server that takes all. */
    static HostCheck none() {
        return new HostCheck(local -> true, local -> false, Set.of(), null);
    }

    private static Predicate<InetAddress> covers(InetAddress address) {
        return address.isAnyLocalAddress() ? local -> true : address::equals;
    }

    private static Set<String> names(String configured, String address) {
        Set<String> names = new HashSet<>(Set.of("localhost", "127.0.0.1", "::1"));
        names.add(configured);
        names.add(address);
        return names;
    }

    /** Lets a request through, or says why not. {@code local} is the address of this machine that it came to. */
    @Nullable
    Reply refusal(@Nullable String host, Request request, InetAddress local) {
        if (forProbes.test(local) && PROBES.contains(request.path())) {
            return null;
        }
        if (!own.test(local)) {
            return Reply.error(404, "only probes are answered at this address");
        }
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
