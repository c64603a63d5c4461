package dev.holdfast.cache.testkit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is fixed about a server when it is built, as lines of {@code redis.conf}. Immutable. */
record ServerConfig(
        RedisServer.Persistence persistence, long maxMemoryBytes, List<User> users, List<String> lines, int busPort) {

    /** An ACL user. */
    record User(String name, String password, String rules) {}

    /**
     * The testkit's own user, on every server of this JVM: it gets in whatever happens to the passwords of the others, and
     * replicas and migrations use it too, so that a rotated password breaks clients and nothing else.
     */
    static final String ADMIN = "holdfast-testkit";

    static final String ADMIN_PASSWORD = UUID.randomUUID().toString();

    ServerConfig {
        users = List.copyOf(users);
        lines = List.copyOf(lines);
    }

    boolean isClustered() {
        return busPort > 0;
    }

    ServerConfig withBusPort(int port) {
        return new ServerConfig(persistence, maxMemoryBytes, users, lines, port);
    }

    String text(
            int port,
            Path directory,
            @Nullable String password,
            Certificates.@Nullable Identity tls,
            boolean appendOnly) {
        List<String> text = new ArrayList<>(List.of(
                "bind 127.0.0.1",
                "daemonize no",
                "logfile \"\"",
                "dir " + quoted(directory.toString()),
                "repl-diskless-sync-delay 0",
                "user " + ADMIN + " on >" + ADMIN_PASSWORD + " ~* &* +@all",
                "masteruser " + ADMIN,
                "masterauth " + ADMIN_PASSWORD,
                "maxmemory " + maxMemoryBytes));
        text.add(persistence.lines());
        text.add("appendonly " + (appendOnly ? "yes" : "no"));
        text.addAll(listening(port, tls));
        if (password != null) {
            text.add("requirepass " + quoted(password));
        }
        for (User user : users) {
            text.add("user " + user.name() + " on " + quoted(">" + user.password()) + " " + user.rules());
        }
        if (isClustered()) {
            text.addAll(List.of("cluster-enabled yes", "cluster-port " + busPort, "cluster-announce-ip 127.0.0.1"));
        }
        text.addAll(lines);
        return String.join("\n", text) + "\n";
    }

    private List<String> listening(int port, Certificates.@Nullable Identity tls) {
        if (tls == null) {
            return List.of("port " + port);
        }
        return List.of(encrypted(port, tls), "tls-cluster " + (isClustered() ? "yes" : "no"));
    }

    /** For servers and sentinels: TLS on this port, to masters and among sentinels. */
    static String encrypted(int port, Certificates.Identity tls) {
        return String.join(
                "\n",
                "port 0",
                "tls-port " + port,
                "tls-cert-file " + quoted(tls.certificate().toString()),
                "tls-key-file " + quoted(tls.key().toString()),
                "tls-ca-cert-file " + quoted(tls.authority().toString()),
                "tls-auth-clients no",
                "tls-replication yes");
    }

    /** As {@code sdssplitargs} of Redis reads it. */
    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }
}
