package dev.holdfast.cache.testkit;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A server as it is installed, whether it runs or not: its files, its ports and who gets in, which every launch takes. Changed by one
 * thread at a time; others may look at any time.
 */
final class ServerInstallation {
    private static final int PORTS_TRIED = 5;

    private final RedisServer.Persistence persistence;
    private final List<String> lines;
    private final ServerFiles files = new ServerFiles("redis-");
    private Certificates.@Nullable Identity identity;
    private volatile ServerAccess access;
    private volatile ServerPorts ports;

    /** @param lines of its configuration, after all others */
    ServerInstallation(
            RedisServer.Persistence persistence, List<String> lines, ServerAccess access, ServerPorts ports) {
        Certificates authority = access.authority();
        this.persistence = persistence;
        this.lines = List.copyOf(lines);
        this.access = access;
        this.identity = authority == null ? null : authority.issue(access.kind());
        this.ports = ports;
    }

    ServerFiles files() {
        return files;
    }

    ServerAccess access() {
        return access;
    }

    void changePassword(@Nullable String password) {
        access = access.withPassword(password);
    }

    void changeCertificate(Certificates authority, Certificates.Kind kind, Certificates.Identity issued) {
        access = access.withCertificate(authority, kind);
        identity = issued;
    }

    /** Where it listens from the next launch on; until then it may listen elsewhere. */
    ServerPorts ports() {
        return ports;
    }

    /** Takes other ports. */
    void move() {
        ports.release();
        ports = ServerPorts.free(ports.isClustered());
    }

    boolean isAppendOnly() {
        return persistence.isAppendOnly();
    }

    /** The first launch, on other ports where these are taken; returns a server that is ready. */
    ServerProcess launchFirst() {
        for (int attempt = 1; ; attempt++) {
            try {
                ServerProcess process = launch(isAppendOnly());
                process.awaitReady();
                return process;
            } catch (PortTakenException taken) {
                // somebody was faster between our look and the server's bind
                if (ports.fixed() || attempt == PORTS_TRIED) {
                    throw taken;
                }
                ports = ServerPorts.free(ports.isClustered());
            }
        }
    }

    ServerProcess launch(boolean appendOnly) {
        List<String> text = new ArrayList<>(List.of(
                "bind 127.0.0.1",
                "daemonize no",
                "logfile \"\"",
                "dir " + ServerFiles.quoted(files.directory().toString()),
                "repl-diskless-sync-delay 0",
                "masteruser " + ServerAccess.ADMIN,
                "masterauth " + ServerAccess.ADMIN_PASSWORD,
                persistence.lines(),
                "appendonly " + (appendOnly ? "yes" : "no"),
                ServerAccess.listening(ports.port(), identity)));
        text.addAll(access.lines());
        if (ports.isClustered()) {
            text.addAll(List.of(
                    "cluster-enabled yes",
                    "cluster-port " + ports.busPort(),
                    "cluster-announce-ip 127.0.0.1",
                    "tls-cluster " + (identity == null ? "no" : "yes")));
        }
        text.addAll(lines);
        files.configure(text);
        return ServerProcess.launch(files, ports.port(), identity != null);
    }

    /** Gives the ports back and deletes the files. */
    void remove() {
        ports.release();
        files.delete();
    }
}
