//! A row of either database.

use jiff::Timestamp;
use tokio_postgres::types::{FromSql, Type};

use super::DbError;

/// One row of a result.
pub(crate) enum Row<'a> {
    /// SQLite's.
    Sqlite(&'a rusqlite::Row<'a>),
    /// PostgreSQL's.
    Postgres(&'a tokio_postgres::Row),
}

/// What a column can be read as.
pub(crate) trait FromColumn<'a>: Sized {
    /// Reads it.
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError>;
}

impl Row<'_> {
    /// A column's value.
    pub(crate) fn get<'a, T: FromColumn<'a>>(&'a self, column: usize) -> Result<T, DbError> {
        T::from_column(self, column)
    }

    /// A count or a position.
    pub(crate) fn uint(&self, column: usize) -> Result<u64, DbError> {
        self.get::<i64>(column).map(|n| u64::try_from(n).unwrap_or(0))
    }

    /// A time.
    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, DbError> {
        Timestamp::from_microsecond(self.get(column)?)
            .map_err(|_| DbError::Corrupt { column, wanted: "a time" })
    }

    /// A time that may be absent.
    pub(crate) fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, DbError> {
        self.get::<Option<i64>>(column)?
            .map(|n| {
                Timestamp::from_microsecond(n).map_err(|_| DbError::Corrupt { column, wanted: "a time" })
            })
            .transpose()
    }

    /// Text that one of our `parse` functions reads.
    pub(crate) fn parsed<T>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DbError> {
        parse(self.get(column)?).ok_or(DbError::Corrupt { column, wanted: "a known name or id" })
    }

    /// The same, where absent is allowed.
    pub(crate) fn optional_parsed<T>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, DbError> {
        self.get::<Option<&str>>(column)?
            .map(|text| parse(text).ok_or(DbError::Corrupt { column, wanted: "a known name or id" }))
            .transpose()
    }

    /// JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, DbError> {
        serde_json::from_str(self.get(column)?)
            .map_err(|_| DbError::Corrupt { column, wanted: "JSON of its kind" })
    }
}

/// An integer of any width.
struct Int(i64);

impl<'a> FromSql<'a> for Int {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::BOOL => bool::from_sql(ty, raw)?.into(),
            Type::INT2 => i16::from_sql(ty, raw)?.into(),
            Type::INT4 => i32::from_sql(ty, raw)?.into(),
            _ => i64::from_sql(ty, raw)?,
        }))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8)
    }
}

impl<'a> FromColumn<'a> for Option<i64> {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        match row {
            Row::Sqlite(row) => Ok(row.get(column)?),
            Row::Postgres(row) => Ok(row.try_get::<_, Option<Int>>(column)?.map(|n| n.0)),
        }
    }
}

impl<'a> FromColumn<'a> for Option<&'a str> {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        match row {
            Row::Sqlite(row) => {
                row.get_ref(column)?.as_str_or_null().map_err(|_| DbError::Corrupt { column, wanted: "text" })
            }
            Row::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

impl<'a> FromColumn<'a> for Option<&'a [u8]> {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        match row {
            Row::Sqlite(row) => row
                .get_ref(column)?
                .as_blob_or_null()
                .map_err(|_| DbError::Corrupt { column, wanted: "bytes" }),
            Row::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

fn some<T>(value: Option<T>, column: usize) -> Result<T, DbError> {
    value.ok_or(DbError::Corrupt { column, wanted: "a value" })
}

impl<'a> FromColumn<'a> for i64 {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        some(row.get(column)?, column)
    }
}

impl<'a> FromColumn<'a> for &'a str {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        some(row.get(column)?, column)
    }
}

impl<'a> FromColumn<'a> for &'a [u8] {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        some(row.get(column)?, column)
    }
}

impl<'a> FromColumn<'a> for String {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        row.get::<&str>(column).map(str::to_owned)
    }
}

impl<'a> FromColumn<'a> for Option<String> {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        Ok(row.get::<Option<&str>>(column)?.map(str::to_owned))
    }
}

impl<'a> FromColumn<'a> for Vec<u8> {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        row.get::<&[u8]>(column).map(<[u8]>::to_vec)
    }
}

impl<'a, const N: usize> FromColumn<'a> for [u8; N] {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        Self::try_from(row.get::<&[u8]>(column)?)
            .map_err(|_| DbError::Corrupt { column, wanted: "so many bytes" })
    }
}

impl<'a> FromColumn<'a> for bool {
    fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
        row.get::<i64>(column).map(|n| n != 0)
    }
}

macro_rules! from_column_narrow {
    ($($integer:ty),*) => {
        $(impl<'a> FromColumn<'a> for $integer {
            fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
                Self::try_from(row.get::<i64>(column)?)
                    .map_err(|_| DbError::Corrupt { column, wanted: "a number of its size" })
            }
        }
        impl<'a> FromColumn<'a> for Option<$integer> {
            fn from_column(row: &'a Row<'_>, column: usize) -> Result<Self, DbError> {
                row.get::<Option<i64>>(column)?
                    .map(|n| <$integer>::try_from(n)
                        .map_err(|_| DbError::Corrupt { column, wanted: "a number of its size" }))
                    .transpose()
            }
        })*
    };
}
from_column_narrow!(u8, u16, u32, i32);
