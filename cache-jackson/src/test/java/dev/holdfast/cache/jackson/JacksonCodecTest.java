package dev.holdfast.cache.jackson;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.CodecProvider;
import dev.holdfast.cache.TypeRef;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.lang.module.ModuleDescriptor;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import tools.jackson.databind.json.JsonMapper;

class JacksonCodecTest {
    static final AtomicInteger VICTIMS = new AtomicInteger();

    record User(long id, String name, Optional<String> nick, List<String> roles) {}

    record Times(
            Instant instant,
            LocalDate date,
            LocalDateTime dateTime,
            OffsetDateTime offset,
            ZonedDateTime zoned,
            ZonedDateTime utc,
            Duration duration) {}

    record Holder(Object anything) {}

    record Node(int depth, Node next) {}

    enum Colour {
        RED,
        GREEN
    }

    public static final class Bean {
        private String text = "";
        private int number;

        public String getText() {
            return text;
        }

        public void setText(String text) {
            this.text = text;
        }

        public int getNumber() {
            return number;
        }

        public void setNumber(int number) {
            this.number = number;
        }
    }

    public static final class Victim implements Chosen {
        public Victim() {
            VICTIMS.incrementAndGet();
        }
    }

    @JsonTypeInfo(use = JsonTypeInfo.Id.CLASS)
    public interface Chosen {}

    record Choice(Chosen chosen) {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME)
    @JsonSubTypes({@JsonSubTypes.Type(value = Circle.class, name = "circle")})
    sealed interface Shape permits Circle {}

    record Circle(double radius) implements Shape {}

    public static final class Bad {
        private final boolean broken = true;

        public String getText() {
            if (broken) {
                throw new IllegalStateException("s3cret");
            }
            return "";
        }
    }

    private static <V> V roundTrip(Codec<V> codec, V value) {
        return codec.decode(codec.encode(value));
    }

    @Test
    void recordsComeBackEqual() {
        User user = new User(Long.MAX_VALUE, "Zoë 🦊 \"quoted\"", Optional.of("z"), List.of("admin", ""));
        assertEquals(user, roundTrip(JacksonCodec.of(User.class), user));
        User without = new User(-1, "", Optional.empty(), List.of());
        assertEquals(without, roundTrip(JacksonCodec.of(User.class), without));
    }

    @Test
    void theBytesAreAsTheyHaveAlwaysBeen() {
        String json = "{\"id\":7,\"name\":\"Ada\",\"nick\":null,\"roles\":[\"admin\"]}";
        JacksonCodec<User> codec = JacksonCodec.of(User.class);
        User ada = new User(7, "Ada", Optional.empty(), List.of("admin"));
        assertEquals(json, new String(codec.encode(ada), UTF_8));
        assertEquals(ada, codec.decode(json.getBytes(UTF_8)));
    }

    @Test
    void aValueWithinALargerArrayIsReadWhereItStands() {
        byte[] bytes = "][{\"anything\":2.5}][".getBytes(UTF_8);
        assertEquals(new Holder(2.5), JacksonCodec.of(Holder.class).decode(bytes, 2, bytes.length - 4));
    }

    @Test
    void timesComeBackEqualWithTheirZones() {
        Instant instant = Instant.parse("2024-10-24T12:00:00.123456789Z");
        Times times = new Times(
                instant,
                LocalDate.of(2024, 2, 29),
                LocalDateTime.of(2024, 10, 27, 2, 30),
                instant.atOffset(ZoneOffset.ofHoursMinutes(5, 30)),
                instant.atZone(ZoneId.of("Europe/Berlin")),
                instant.atZone(ZoneId.of("UTC")),
                Duration.ofSeconds(90, 5));
        assertEquals(times, roundTrip(JacksonCodec.of(Times.class), times));
        String json = new String(JacksonCodec.of(Instant.class).encode(instant), UTF_8);
        assertEquals("\"2024-10-24T12:00:00.123456789Z\"", json);
    }

    @Test
    void beansEnumsAndNumbersComeBack() {
        Bean bean = new Bean();
        bean.setText("x");
        bean.setNumber(3);
        Bean back = roundTrip(JacksonCodec.of(Bean.class), bean);
        assertEquals("x", back.getText());
        assertEquals(3, back.getNumber());
        assertEquals(Colour.GREEN, roundTrip(JacksonCodec.of(Colour.class), Colour.GREEN));
        BigDecimal precise = new BigDecimal("0.10000000000000000000000000000000000001");
        assertEquals(precise, roundTrip(JacksonCodec.of(BigDecimal.class), precise));
        UUID uuid = UUID.randomUUID();
        assertEquals(uuid, roundTrip(JacksonCodec.of(UUID.class), uuid));
    }

    @Test
    void genericTypesKeepTheirParameters() {
        Map<String, List<User>> value =
                Map.of("team", List.of(new User(1, "a", Optional.empty(), List.of())), "none", List.of());
        Codec<Map<String, List<User>>> codec = JacksonCodec.of(new TypeRef<Map<String, List<User>>>() {});
        assertEquals(value, roundTrip(codec, value));
    }

    @Test
    void unknownPropertiesAreIgnoredAndMissingOnesHaveTheirDefault() {
        String json = "{\"id\":7,\"addedLater\":{\"deep\":[1,2]},\"name\":\"Ada\"}";
        User user = JacksonCodec.of(User.class).decode(json.getBytes(UTF_8));
        assertEquals(7, user.id());
        assertNull(user.roles());
        assertEquals(0, JacksonCodec.of(User.class).decode("{}".getBytes(UTF_8)).id());
    }

    @Test
    void dataCannotChooseAClass() {
        int before = VICTIMS.get();
        String name = Victim.class.getName();
        for (String json : List.of(
                "{\"anything\":[\"" + name + "\",{}]}",
                "{\"anything\":{\"@class\":\"" + name + "\"}}",
                "{\"anything\":{\"@type\":\"" + name + "\"}}")) {
            Object anything =
                    JacksonCodec.of(Holder.class).decode(json.getBytes(UTF_8)).anything();
            assertFalse(anything instanceof Victim, json);
        }
        byte[] hostile = ("{\"chosen\":{\"@class\":\"" + name + "\"}}").getBytes(UTF_8);
        assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(Choice.class).decode(hostile));
        byte[] naked = ("{\"@class\":\"" + name + "\"}").getBytes(UTF_8);
        assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(Chosen.class).decode(naked));
        assertEquals(before, VICTIMS.get(), "a class that JSON named was constructed");
    }

    @Test
    void subtypesThatTheApplicationListsByNameWork() {
        assertEquals(new Circle(2), roundTrip(JacksonCodec.of(Shape.class), new Circle(2)));
    }

    @Test
    void whatIsNotTheTypeIsRefusedWithoutQuotingIt() {
        for (String json : List.of(
                "",
                "{",
                "{\"id\":\"s3cret\"}",
                "{\"roles\":[[\"s3cret\"]]}",
                "s3cret",
                "[]",
                "{} s3cret",
                "{\"name\":\"s3cret\"",
                "\u0000\u0001")) {
            CacheCodecException e = assertThrows(
                    CacheCodecException.class, () -> JacksonCodec.of(User.class).decode(json.getBytes(UTF_8)), json);
            assertTrue(e.getMessage().contains(User.class.getName()), e.getMessage());
            assertFalse(e.getMessage().contains("s3cret"), e.getMessage());
            assertNull(e.getCause(), "Jackson's exceptions quote the value");
        }
    }

    @Test
    void jsonNullIsNotAValue() {
        CacheCodecException e = assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(User.class).decode("null".getBytes(UTF_8)));
        assertTrue(e.getMessage().contains("null"), e.getMessage());
    }

    @Test
    void absurdNestingAndNumbersAreRefusedOnBothSides() {
        Node deep = null;
        for (int i = 0; i < 100_000; i++) {
            deep = new Node(i, deep);
        }
        Node chain = deep;
        assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(Node.class).encode(chain));
        byte[] nested = "[".repeat(100_000).getBytes(UTF_8);
        assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(Holder.class).decode(nested));
        byte[] number = "9".repeat(100_000).getBytes(UTF_8);
        assertThrows(CacheCodecException.class, () -> JacksonCodec.of(BigDecimal.class)
                .decode(number));
    }

    @Test
    void aValueThatFailsToBeReadIsACodecException() {
        CacheCodecException e = assertThrows(
                CacheCodecException.class, () -> JacksonCodec.of(Bad.class).encode(new Bad()));
        assertTrue(e.getMessage().contains("IllegalStateException"), e.getMessage());
        assertFalse(e.getMessage().contains("s3cret"), e.getMessage());
    }

    @Test
    void codecsAreEqualByType() {
        assertEquals(JacksonCodec.of(User.class), JacksonCodec.of(User.class));
        assertEquals(JacksonCodec.of(new TypeRef<List<User>>() {}), JacksonCodec.of(new TypeRef<List<User>>() {}));
        assertEquals(
                JacksonCodec.of(new TypeRef<List<User>>() {}).hashCode(),
                JacksonCodec.of(new TypeRef<List<User>>() {}).hashCode());
        assertNotEquals(JacksonCodec.of(User.class), JacksonCodec.of(Circle.class));
    }

    @Test
    void theProviderKnowsEveryTypeThatSaysWhatAValueIs() {
        CodecProvider provider = new JacksonCodecProvider();
        assertEquals("jackson", provider.name());
        assertInstanceOf(JacksonCodec.class, provider.codecFor(User.class).orElseThrow());
        assertTrue(provider.codecFor(new TypeRef<List<User>>() {}.type()).isPresent());
        assertTrue(provider.codecFor(Object.class).isEmpty());
        assertTrue(provider.codecFor(Serializable.class).isEmpty());
        assertTrue(provider.codecFor(Number.class).isEmpty());
        assertTrue(provider.codecFor(List.class.getTypeParameters()[0]).isEmpty());
    }

    /** What it holds would come back as maps, and fail far from here as a ClassCastException. */
    @Test
    @SuppressWarnings("rawtypes")
    void aGenericClassWithoutItsArgumentsIsRefused() {
        for (Executable making : List.<Executable>of(
                () -> JacksonCodec.of(List.class),
                () -> JacksonCodec.of(List[].class),
                () -> JacksonCodec.of(new TypeRef<List>() {}),
                () -> JacksonCodec.of(new TypeRef<Map<String, List>>() {}),
                () -> JacksonCodec.of(new TypeRef<Map<String, List>[]>() {}),
                () -> new JacksonCodecProvider().codecFor(List.class))) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, making);
            assertTrue(e.getMessage().startsWith("java.util.List does not say what it holds"), e::getMessage);
            assertTrue(e.getMessage().endsWith("new TypeRef<List<E>>() {}"), e::getMessage);
        }
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> JacksonCodec.of(Map.class));
        assertTrue(e.getMessage().endsWith("new TypeRef<Map<K, V>>() {}"), e::getMessage);
        // A mapper of the application's own may know what to make of it.
        assertEquals(
                List.of(1), JacksonCodec.of(List.class, JsonMapper.shared()).decode("[1]".getBytes(UTF_8)));
    }

    @Test
    void theProviderIsDeclaredForBothPaths() throws IOException {
        String name = JacksonCodecProvider.class.getName();
        try (InputStream services =
                JacksonCodecProvider.class.getResourceAsStream("/META-INF/services/" + CodecProvider.class.getName())) {
            assertEquals(name, new String(services.readAllBytes(), UTF_8).strip());
        }
        ModuleDescriptor module = JacksonCodecProvider.class.getModule().getDescriptor();
        assertTrue(module.provides().stream()
                .anyMatch(p -> p.service().equals(CodecProvider.class.getName())
                        && p.providers().contains(name)));
    }

    @Test
    @SuppressWarnings("rawtypes")
    void aTypeRefThatNamesNoTypeIsRefused() {
        assertThrows(IllegalStateException.class, () -> new TypeRef() {});
    }
}
