package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.JsonWriter;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The bodies of messages, in the form that each receiver reads. They hold rules, numbers, the client's name and the host's, and nothing that others
 * wrote; what has a meaning to Slack is escaped all the same.
 *
 * @param client the client's name
 * @param host the machine's
 */
record Payloads(String client, String host) {
    private static final int LONGEST_DEDUP_KEY = 255;
    private static final int LONGEST_SUMMARY = 1_024;
    private static final int LONGEST_HEADER = 150;
    /** So that what holds it, escaped, stays below what a receiver takes. */
    private static final int LONGEST_PLACE = 500;

    private static final String CARD = "application/vnd.microsoft.card.adaptive";

    /** The name of this machine, as the environment or the resolver has it. */
    static String thisHost() {
        String name = System.getenv("HOSTNAME");
        if (name != null && !name.isBlank()) {
            return name;
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }

    String of(Webhook webhook, List<Transition> message) {
        return switch (webhook.type()) {
            case SLACK -> slack(message);
            case TEAMS -> teams(message);
            case PAGERDUTY -> pagerDuty(webhook.routingKey(), message.get(0));
            case JSON -> json(message.get(0));
        };
    }

    private String json(Transition transition) {
        return JsonWriter.object(json -> {
            json.field("status", transition.kind().status());
            transition.alert().write(json);
            json.field("client", client).field("host", host);
        });
    }

    private String headline(List<Transition> message) {
        Transition first = message.get(0);
        String one = title(first) + ": " + first.alert().message();
        return message.size() == 1 ? one : one + " (and " + (message.size() - 1) + " more)";
    }

    private static String title(Transition transition) {
        String severity = transition.alert().severity().word().toUpperCase(Locale.ROOT);
        return switch (transition.kind()) {
            case RESOLVED -> "RESOLVED";
            case FLAPPING -> "FLAPPING " + severity;
            case REPEATED -> "STILL " + severity;
            case FIRING, CHANGED -> severity;
        };
    }

    private String place() {
        return cut("Holdfast cache client " + client + " on " + host, LONGEST_PLACE);
    }

    private String slack(List<Transition> message) {
        return JsonWriter.object(json -> json.field("text", escaped(headline(message)))
                .array("blocks", blocks(message), (block, content) -> content.accept(block)));
    }

    private List<Consumer<JsonWriter>> blocks(List<Transition> message) {
        List<Consumer<JsonWriter>> blocks = new ArrayList<>();
        blocks.add(header -> header.field("type", "header").object("text", text -> text.field("type", "plain_text")
                .field("text", cut(headline(message), LONGEST_HEADER))));
        for (Transition each : message) {
            blocks.add(section -> section.field("type", "section")
                    .array("fields", facts(each).entrySet(), (field, fact) -> field.field("type", "mrkdwn")
                            .field("text", "*" + fact.getKey() + "*\n" + escaped(fact.getValue()))));
        }
        blocks.add(context -> context.field("type", "context")
                .array("elements", List.of(place()), (element, text) -> element.field("type", "mrkdwn")
                        .field("text", escaped(text))));
        return blocks;
    }

    private static Map<String, String> facts(Transition transition) {
        Alert alert = transition.alert();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("Alert", alert.id());
        facts.put("Status", title(transition).toLowerCase(Locale.ROOT));
        facts.put("What", alert.message());
        facts.put("Since", "" + HealthJson.time(alert.since()));
        return facts;
    }

    private String teams(List<Transition> message) {
        return JsonWriter.object(json -> json.field("type", "message")
                .array("attachments", List.of(message), (attachment, all) -> attachment
                        .field("contentType", CARD)
                        .field("contentUrl", (String) null)
                        .object("content", card -> card.field(
                                        "$schema", "http://adaptivecards.io/schemas/adaptive-card.json")
                                .field("type", "AdaptiveCard")
                                .field("version", "1.4")
                                .array("body", elements(all), (element, content) -> content.accept(element)))));
    }

    private List<Consumer<JsonWriter>> elements(List<Transition> message) {
        List<Consumer<JsonWriter>> body = new ArrayList<>();
        body.add(text -> text.field("type", "TextBlock")
                .field("text", headline(message))
                .field("weight", "Bolder")
                .field("size", "Medium")
                .field("wrap", true));
        for (Transition each : message) {
            body.add(set -> set.field("type", "FactSet")
                    .array("facts", facts(each).entrySet(), (field, fact) -> field.field("title", fact.getKey())
                            .field("value", fact.getValue())));
        }
        body.add(text -> text.field("type", "TextBlock")
                .field("text", place())
                .field("isSubtle", true)
                .field("wrap", true));
        return body;
    }

    private String pagerDuty(@Nullable String key, Transition transition) {
        Alert alert = transition.alert();
        boolean over = transition.kind() == Transition.Kind.RESOLVED;
        return JsonWriter.object(json -> json.field("routing_key", key)
                .field("event_action", over ? "resolve" : "trigger")
                .field("dedup_key", dedupKey(alert.id()))
                .object("payload", payload -> payload.field(
                                "summary", cut(alert.message() + ", " + place(), LONGEST_SUMMARY))
                        .field("source", host)
                        .field("severity", alert.severity().word())
                        .field("timestamp", HealthJson.time(alert.since()))
                        .field("component", "holdfast/" + client)
                        .field("class", alert.id())));
    }

    /** The same for one incident alone, however long names are: what is too long is cut in front of the rule, and told apart by its hash. */
    private String dedupKey(String rule) {
        String whole = "holdfast/" + client + '/' + host + '/' + rule;
        if (whole.length() <= LONGEST_DEDUP_KEY) {
            return whole;
        }
        String end = '/' + Integer.toHexString(whole.hashCode()) + '/' + rule;
        return cut(whole, LONGEST_DEDUP_KEY - end.length()) + end;
    }

    /** Of a mail, in one line whatever names hold. */
    String subject(List<Transition> message) {
        return inOneLine("[holdfast] " + headline(message));
    }

    /** Of a mail, the whole text. */
    String plain(List<Transition> message) {
        StringBuilder text = new StringBuilder();
        for (Transition each : message) {
            facts(each).forEach((name, value) -> text.append(name)
                    .append(": ")
                    .append(inOneLine(value))
                    .append('\n'));
            text.append('\n');
        }
        return text.append(inOneLine(place())).append('\n').toString();
    }

    private static String inOneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }

    /** Not between the halves of a character. */
    private static String cut(String text, int length) {
        if (text.length() <= length) {
            return text;
        }
        return text.substring(0, Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length);
    }

    /** As Slack wants it, so that nothing mentions anybody. */
    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
