package dev.holdfast.spring.boot;

import dev.holdfast.cache.monitor.Monitor;
import dev.holdfast.cache.monitor.Reply;
import dev.holdfast.cache.monitor.Request;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which of the application's paths the monitor answers. Without a base path those that belong to nobody else: the probes, the metrics and
 * the page at the root are the application's own.
 *
 * @param monitor answers
 * @param basePath stands before the monitor's paths; empty, or with a slash before it and none behind
 */
record MonitoringPaths(Monitor monitor, String basePath) {
    private static final List<String> OWN = List.of("/api/monitoring/**", "/api/health/cache", "/api/admin/cache/**");

    static MonitoringPaths of(Monitor monitor, String basePath) {
        String path = basePath.endsWith("/") ? basePath.substring(0, basePath.length() - 1) : basePath;
        return new MonitoringPaths(monitor, path.isEmpty() || path.startsWith("/") ? path : '/' + path);
    }

    List<String> patterns() {
        return basePath.isEmpty() ? OWN : List.of(basePath, basePath + "/**");
    }

    /** Answers a request for one of these paths. */
    Reply answer(
            String method,
            String path,
            Map<String, List<String>> query,
            @Nullable String authorization,
            String remote) {
        String own = path.substring(basePath.length());
        Map<String, String> parameters = new LinkedHashMap<>();
        query.forEach((name, values) -> parameters.put(name, values.isEmpty() ? "" : values.get(values.size() - 1)));
        return monitor.handle(new Request(method, own.isEmpty() ? "/" : own, parameters, authorization, remote));
    }
}
