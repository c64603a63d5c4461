package dev.holdfast.cache.client;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.DynamicMBean;
import javax.management.MBeanException;
import javax.management.MBeanInfo;
import javax.management.MBeanOperationInfo;
import javax.management.ReflectionException;
import javax.management.openmbean.ArrayType;
import javax.management.openmbean.OpenDataException;
import javax.management.openmbean.OpenMBeanAttributeInfo;
import javax.management.openmbean.OpenMBeanAttributeInfoSupport;
import javax.management.openmbean.OpenMBeanConstructorInfo;
import javax.management.openmbean.OpenMBeanInfoSupport;
import javax.management.openmbean.OpenMBeanOperationInfo;
import javax.management.openmbean.OpenMBeanOperationInfoSupport;
import javax.management.openmbean.OpenMBeanParameterInfo;
import javax.management.openmbean.OpenMBeanParameterInfoSupport;
import javax.management.openmbean.OpenType;
import javax.management.openmbean.SimpleType;
import org.jspecify.annotations.Nullable;

/**
 * An MBean of open types, described by hand: an {@code MXBean} would need a public interface for each kind of bean, and would
 * show no descriptions. Several attributes that are asked for together come from one snapshot.
 *
 * @param <T> what is managed
 * @param <S> what a snapshot of it holds
 */
final class ManagedBean<T, S> implements DynamicMBean {
    private final Kind<T, S> kind;
    private final T target;
    private final Supplier<S> snapshot;

    private ManagedBean(Kind<T, S> kind, T target, Supplier<S> snapshot) {
        this.kind = kind;
        this.target = target;
        this.snapshot = snapshot;
    }

    static <T, S> Description<T, S> describe(String text) {
        return new Description<>(text);
    }

    @Override
    public @Nullable Object getAttribute(String attribute) throws AttributeNotFoundException, MBeanException {
        return read(attribute, take());
    }

    @Override
    public AttributeList getAttributes(String[] names) {
        AttributeList found = new AttributeList();
        try {
            S taken = take();
            for (String name : names) {
                if (kind.attributes.containsKey(name)) {
                    found.add(new Attribute(name, read(name, taken)));
                }
            }
        } catch (AttributeNotFoundException | MBeanException e) {
            // By contract what can't be read is left out, and asking for it alone says why.
            return found;
        }
        return found;
    }

    private @Nullable Object read(String name, S taken) throws AttributeNotFoundException {
        Function<S, @Nullable Object> reader = kind.attributes.get(name);
        if (reader == null) {
            throw new AttributeNotFoundException("no attribute " + name);
        }
        return reader.apply(taken);
    }

    private S take() throws MBeanException {
        try {
            return snapshot.get();
        } catch (RuntimeException e) {
            throw plain(e);
        }
    }

    @Override
    public @Nullable Object invoke(String operation, Object @Nullable [] parameters, String @Nullable [] signature)
            throws MBeanException, ReflectionException {
        BiConsumer<T, String> action = kind.operations.get(operation);
        if (action == null) {
            throw new ReflectionException(new NoSuchMethodException(operation), "no operation " + operation);
        }
        try {
            action.accept(target, parameters == null || parameters.length == 0 ? "" : String.valueOf(parameters[0]));
        } catch (RuntimeException e) {
            throw plain(e);
        }
        return null;
    }

    /** Who looks from outside has none of our classes: only the words get there. */
    private static MBeanException plain(RuntimeException e) {
        return new MBeanException(new IllegalStateException(e.getMessage()), e.getMessage());
    }

    @Override
    public void setAttribute(Attribute attribute) throws AttributeNotFoundException {
        throw new AttributeNotFoundException(attribute.getName() + " can't be set");
    }

    @Override
    public AttributeList setAttributes(AttributeList ignored) {
        return new AttributeList();
    }

    @Override
    public MBeanInfo getMBeanInfo() {
        return kind.info;
    }

    /** What beans of a kind have in common, which is most of what they take. */
    static final class Kind<T, S> {
        private final Map<String, Function<S, @Nullable Object>> attributes;
        private final Map<String, BiConsumer<T, String>> operations;
        private final MBeanInfo info;

        private Kind(Description<T, S> description) {
            this.attributes = Map.copyOf(description.readers);
            this.operations = Map.copyOf(description.operations);
            this.info = new OpenMBeanInfoSupport(
                    ManagedBean.class.getName(),
                    description.text,
                    description.attributeInfos.toArray(OpenMBeanAttributeInfo[]::new),
                    new OpenMBeanConstructorInfo[0],
                    description.operationInfos.toArray(OpenMBeanOperationInfo[]::new),
                    null);
        }

        ManagedBean<T, S> of(T target, Supplier<S> snapshot) {
            return new ManagedBean<>(this, target, snapshot);
        }
    }

    /** Collects what a kind of bean shows. */
    static final class Description<T, S> {
        private final String text;
        private final Map<String, Function<S, @Nullable Object>> readers = new LinkedHashMap<>();
        private final Map<String, BiConsumer<T, String>> operations = new LinkedHashMap<>();
        private final List<OpenMBeanAttributeInfoSupport> attributeInfos = new ArrayList<>();
        private final List<OpenMBeanOperationInfoSupport> operationInfos = new ArrayList<>();

        private Description(String text) {
            this.text = text;
        }

        Description<T, S> number(String name, String description, Function<S, Long> reader) {
            return attribute(name, description, SimpleType.LONG, reader::apply);
        }

        Description<T, S> decimal(String name, String description, Function<S, @Nullable Double> reader) {
            return attribute(name, description, SimpleType.DOUBLE, reader::apply);
        }

        Description<T, S> flag(String name, String description, Function<S, @Nullable Boolean> reader) {
            return attribute(name, description, SimpleType.BOOLEAN, reader::apply);
        }

        Description<T, S> text(String name, String description, Function<S, @Nullable String> reader) {
            return attribute(name, description, SimpleType.STRING, reader::apply);
        }

        /** A time, as a text: JConsole would show a Date in its own zone. */
        Description<T, S> time(String name, String description, Function<S, @Nullable Instant> reader) {
            return text(name, description + " (UTC)", taken -> HealthJson.time(reader.apply(taken)));
        }

        Description<T, S> texts(String name, String description, Function<S, List<String>> reader) {
            try {
                return attribute(
                        name, description, new ArrayType<String[]>(1, SimpleType.STRING), taken -> reader.apply(taken)
                                .toArray(String[]::new));
            } catch (OpenDataException e) {
                throw new AssertionError("an array of strings is an open type", e);
            }
        }

        private Description<T, S> attribute(
                String name, String description, OpenType<?> type, Function<S, @Nullable Object> reader) {
            readers.put(name, reader);
            attributeInfos.add(new OpenMBeanAttributeInfoSupport(name, description, type, true, false, false));
            return this;
        }

        Description<T, S> operation(String name, String description, Consumer<T> action) {
            return operation(
                    name, description, new OpenMBeanParameterInfo[0], (target, ignored) -> action.accept(target));
        }

        Description<T, S> operation(
                String name, String description, String parameter, String meaning, BiConsumer<T, String> action) {
            OpenMBeanParameterInfo[] parameters = {
                new OpenMBeanParameterInfoSupport(parameter, meaning, SimpleType.STRING)
            };
            return operation(name, description, parameters, action);
        }

        private Description<T, S> operation(
                String name, String description, OpenMBeanParameterInfo[] parameters, BiConsumer<T, String> action) {
            operations.put(name, action);
            operationInfos.add(new OpenMBeanOperationInfoSupport(
                    name, description, parameters, SimpleType.VOID, MBeanOperationInfo.ACTION));
            return this;
        }

        Kind<T, S> kind() {
            return new Kind<>(this);
        }
    }
}
