//! One row of the attribute table: a type and its characteristics (RFC 7643 §2.2, §2.3, §7).

/// The type of an attribute's value (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the RFC's type of the same name")]
pub enum DataType {
    String,
    Boolean,
    DateTime,
    Binary,
    Reference,
    Complex,
}

impl DataType {
    /// The name in a schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may change an attribute and when (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the RFC's keyword of the same name")]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

impl Mutability {
    /// The name in a schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// When an attribute stands in an answer (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the RFC's keyword of the same name")]
pub enum Returned {
    Always,
    Never,
    Default,
}

impl Returned {
    /// The name in a schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
        }
    }
}

/// How unique a value is (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the RFC's keyword of the same name")]
pub enum Uniqueness {
    None,
    Server,
}

impl Uniqueness {
    /// The name in a schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
        }
    }
}

/// An attribute or sub-attribute.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The canonical name.
    pub name: &'static str,
    /// The type.
    pub data_type: DataType,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// For a person.
    pub description: &'static str,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether comparison minds case.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// How unique it is.
    pub uniqueness: Uniqueness,
    /// Suggested values; never enforced.
    pub canonical_values: &'static [&'static str],
    /// What a reference may point at.
    pub reference_types: &'static [&'static str],
    /// The parts of a complex attribute.
    pub sub_attributes: &'static [Attribute],
}

impl Attribute {
    const fn of(data_type: DataType, name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            data_type,
            multi_valued: false,
            description,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: &[],
            reference_types: &[],
            sub_attributes: &[],
        }
    }

    pub(super) const fn string(name: &'static str, description: &'static str) -> Self {
        Self::of(DataType::String, name, description)
    }

    pub(super) const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::of(DataType::Boolean, name, description)
    }

    pub(super) const fn date_time(name: &'static str, description: &'static str) -> Self {
        Self::of(DataType::DateTime, name, description)
    }

    pub(super) const fn binary(name: &'static str, description: &'static str) -> Self {
        Self { case_exact: true, ..Self::of(DataType::Binary, name, description) }
    }

    pub(super) const fn reference(
        name: &'static str,
        types: &'static [&'static str],
        description: &'static str,
    ) -> Self {
        Self { case_exact: true, reference_types: types, ..Self::of(DataType::Reference, name, description) }
    }

    pub(super) const fn complex(
        name: &'static str,
        subs: &'static [Attribute],
        description: &'static str,
    ) -> Self {
        Self { sub_attributes: subs, ..Self::of(DataType::Complex, name, description) }
    }

    pub(super) const fn many(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    pub(super) const fn mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self
    }

    pub(super) const fn read_only(self) -> Self {
        self.mutability(Mutability::ReadOnly)
    }

    pub(super) const fn returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    pub(super) const fn unique(mut self) -> Self {
        self.uniqueness = Uniqueness::Server;
        self
    }

    pub(super) const fn suggests(mut self, values: &'static [&'static str]) -> Self {
        self.canonical_values = values;
        self
    }

    /// A sub-attribute by its name in any case.
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&'static Attribute> {
        super::find(self.sub_attributes, name)
    }

    /// Whether this is a complex attribute.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.data_type == DataType::Complex
    }
}
