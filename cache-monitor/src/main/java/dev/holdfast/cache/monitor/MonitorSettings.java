package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What settings say of the monitor's server.
 *
 * @param host the address it listens on
 * @param hostName the same as it was given
 * @param port its port; 0 for any that is free
 * @param token opens what is guarded; {@code null} if nothing does
 * @param guarded whether everything but the page and the probes needs the token
 * @param probesHost another address, where the probes alone are answered; {@code null} for none
 * @param strict whether a port that can't be had ends the start
 * @param warmup how long after the start and each change of tiers a hit rate says nothing
 */
record MonitorSettings(
        InetAddress host,
        String hostName,
        int port,
        @Nullable Secret token,
        boolean guarded,
        @Nullable InetAddress probesHost,
        boolean strict,
        Duration warmup) {
    static final String PORT = "REDIS_MONITORING_PORT";

    private static final String HOST = "REDIS_MONITORING_HOST";
    private static final String PROBES_HOST = "REDIS_MONITORING_PROBES_HOST";
    private static final String TOKEN = "REDIS_MONITORING_TOKEN";
    private static final String WARMUP = "CACHE_ALERT_WARMUP";
    private static final String LOOPBACK = "127.0.0.1";
    private static final int SHORTEST_TOKEN = 16;
    private static final Pattern TOKENS = Pattern.compile("[\\x21-\\x7e]{" + SHORTEST_TOKEN + ",}");

    static MonitorSettings of(Settings settings) {
        String hostName = settings.text(HOST).orElse(LOOPBACK);
        Optional<Secret> token = settings.secret(TOKEN);
        if (token.isPresent() && !TOKENS.matcher(token.get().reveal()).matches()) {
            throw settings.malformed(
                    TOKEN,
                    "must have at least " + SHORTEST_TOKEN
                            + " characters, all of them letters, digits and signs of ASCII, no blanks: others don't arrive"
                            + " in a header");
        }
        InetAddress host = address(settings, HOST, hostName);
        boolean guarded = !host.isLoopbackAddress();
        if (guarded && token.isEmpty()) {
            throw new CacheConfigException(HOST + " is " + hostName + ", which others can reach: set " + TOKEN
                    + " too, or leave " + HOST + " at " + LOOPBACK + " and open the probes alone with " + PROBES_HOST);
        }
        return new MonitorSettings(
                host,
                hostName,
                settings.integer(PORT, 8081, 0, 65_535),
                token.orElse(null),
                guarded,
                settings.text(PROBES_HOST)
                        .map(name -> address(settings, PROBES_HOST, name))
                        .orElse(null),
                settings.flag("CACHE_STRICT_START", false),
                Duration.ofSeconds(settings.number(WARMUP, 1_800, 0, Integer.MAX_VALUE)));
    }

    /** Where to listen. An address that stands for all of them leaves no room for another on the same port. */
    List<InetAddress> addresses() {
        InetAddress probes = probesHost;
        if (probes == null || probes.equals(host) || host.isAnyLocalAddress()) {
            return List.of(host);
        }
        return probes.isAnyLocalAddress() ? List.of(probes) : List.of(host, probes);
    }

    /** Why an address can't be listened on, by the variable that is to be changed. */
    String unheard(InetAddress address, int port) {
        String variable = address.equals(host) ? HOST : PROBES_HOST;
        return isOfThisMachine(address)
                ? PORT + " is " + port + ", but " + address.getHostAddress() + " does not let that port be listened on"
                : variable + " is " + address.getHostAddress() + ", but this machine has no such address";
    }

    private static boolean isOfThisMachine(InetAddress address) {
        try {
            return address.isAnyLocalAddress()
                    || address.isLoopbackAddress()
                    || NetworkInterface.getByInetAddress(address) != null;
        } catch (SocketException e) {
            return true; // nobody can say
        }
    }

    private static InetAddress address(Settings settings, String variable, String name) {
        try {
            return InetAddress.getByName(name);
        } catch (UnknownHostException e) {
            throw settings.malformed(variable, "must be an address of this machine, or a name that resolves to one");
        }
    }
}
